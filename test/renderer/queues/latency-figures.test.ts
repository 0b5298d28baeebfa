import { describe, expect, it } from 'vitest';
import type { QueueLatencyReading } from '../../../src/contract/latency';
import {
  recentFigures,
  wholeFigures,
  withReading,
} from '../../../src/renderer/queues/latency-figures';
import { latencyBucketOf } from '../../../src/shared/latency-histogram';

/** A reading of a queue that has had so many indications of 40 µs, then so many of 5 ms. */
function aReading(seconds: number, short: number, long = 0): QueueLatencyReading {
  const buckets = new Array<number>(latencyBucketOf(5e6) + 1).fill(0);
  buckets[latencyBucketOf(40e3)] = short;
  buckets[latencyBucketOf(5e6)] = long;
  const indications = short + long;
  return {
    atMs: 1e6 + seconds * 1000,
    buckets,
    longestMicroseconds: long > 0 ? 5100 : 41,
    frames: indications * 12,
    indications,
    interrupts: indications / 2,
  };
}

function after(...readings: readonly QueueLatencyReading[]): QueueLatencyReading[] {
  return readings.reduce<QueueLatencyReading[]>(withReading, []);
}

describe('recentFigures', () => {
  it('are of what came since the oldest reading that is kept', () => {
    const figures = recentFigures(after(aReading(0, 100, 900), aReading(1, 1100, 900)));
    expect(figures).toMatchObject({
      samples: 1000,
      interruptsPerSecond: 500,
      framesPerInterrupt: 24,
      seconds: 1,
    });
    // The long ones were before.
    expect(figures?.percentiles.p999).toBe(figures?.percentiles.p50);
    expect(Math.abs((figures?.percentiles.p50 ?? 0) - 40)).toBeLessThan(40 * 0.06);
  });

  it('reach five seconds back, however long the panel is open', () => {
    const readings = Array.from({ length: 30 }, (_, second) =>
      aReading(second * 1.01, second * 10),
    );
    const figures = recentFigures(after(...readings));
    expect(figures?.seconds).toBeCloseTo(5.05);
    expect(figures?.samples).toBe(50);
  });

  it('have no percentiles when nothing came', () => {
    const figures = recentFigures(after(aReading(0, 100), aReading(1, 100)));
    expect(figures).toMatchObject({ samples: 0, interruptsPerSecond: 0, framesPerInterrupt: NaN });
    expect(figures?.percentiles).toEqual({ p50: NaN, p90: NaN, p99: NaN, p999: NaN });
  });

  it('are not there before two readings', () => {
    expect([recentFigures([]), recentFigures(after(aReading(0, 100)))]).toEqual([null, null]);
  });
});

describe('wholeFigures', () => {
  it('are of everything since the queue was allocated', () => {
    const figures = wholeFigures(aReading(9, 980, 20));
    expect(figures).toMatchObject({ samples: 1000, longest: 5100, framesPerInterrupt: 24 });
    expect(figures?.percentiles.p90).toBeLessThan(43);
    expect(figures?.percentiles.p99).toBeGreaterThan(4700);
    expect(figures?.percentiles.p999).toBeLessThanOrEqual(5100);
  });

  it('are not there before the first frame', () => {
    expect([wholeFigures(undefined), wholeFigures(aReading(0, 0))]).toEqual([null, null]);
  });
});
