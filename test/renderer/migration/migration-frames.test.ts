import { describe, expect, it } from 'vitest';
import type { ChartFrame } from '../../../src/renderer/charts/chart-frame';
import {
  bandsOf,
  meterFrame,
  ratesFrame,
  remainingFrame,
  windowOf,
} from '../../../src/renderer/migration/migration-frames';
import { aMigration, aRound } from '../support/a-migration';

const MIB = 1024 * 1024;
const shape = { startMs: 0, endMs: 10_000, bands: [] };

function pointsOf(frame: ChartFrame, key: string): [number, number][] {
  const values = frame.series.find((series) => series.key === key)?.values ?? [];
  return Array.from(frame.timesMs, (time, index) => [time, values[index] ?? Number.NaN]);
}

function aSample(atMs: number, received: number, silenceMs: number) {
  return { atMs, sent: atMs / 2, received, toVmReceived: received, silenceMs };
}

describe('windowOf and bandsOf', () => {
  it('follow the present while it runs or waits, and stand still afterwards', () => {
    const startedAtMs = 100_000;
    expect(windowOf(aMigration({ startedAtMs, outcome: 'running' }), 109_000).endMs).toBe(109_000);
    expect(windowOf(aMigration({ startedAtMs, totalMs: 4000 }), 0).endMs).toBe(106_400);
  });

  it('show more beside a long migration than beside a short one', () => {
    const spanOf = (totalMs: number): number => {
      const { startMs, endMs } = windowOf(aMigration({ totalMs }), 0);
      return endMs - startMs;
    };
    expect([100, 1000, 60_000].map(spanOf)).toEqual([900, 2200, 65_000]);
  });

  it('mark the time in which the guest stood still once it is known', () => {
    const tokens = (downtimeMs: number | null): string[] =>
      bandsOf(aMigration({ downtimeMs }), 0).map(({ token }) => token);
    expect(tokens(null)).toEqual(['--chart-phase']);
    expect(tokens(6)).toEqual(['--chart-phase', '--chart-stop']);
  });
});

describe('remainingFrame', () => {
  it('is the begin and end of each round, with what the page saw of that very round', () => {
    const migration = aMigration({
      startedAtMs: 0,
      outcome: 'running',
      roundList: [aRound(1, { durationMs: 100, dirtyPages: 512 })],
    });
    const seen = (timeMs: number, round: number) => ({
      timeMs,
      sentBytes: 0,
      remainingBytes: MIB,
      round,
    });
    const progress = [seen(150, 1), seen(180, 2), seen(260, 2)];
    expect(pointsOf(remainingFrame(shape, migration, progress), 'remaining')).toEqual([
      [100, 64],
      [150, 1],
      [200, 2],
      [260, 1],
    ]);
  });

  it('is there from the rounds alone after a reload of the page', () => {
    const frame = remainingFrame(shape, aMigration({ startedAtMs: 0 }), []);
    expect(frame.timesMs).toHaveLength(4);
  });
});

describe('ratesFrame', () => {
  it('is a step for each round, and the present rates up to now', () => {
    const migration = aMigration({
      startedAtMs: 0,
      outcome: 'running',
      phase: 'copying',
      roundList: [aRound(1, { durationMs: 100, bytes: 10 * MIB, dirtyPages: 256 })],
      bytesPerSecond: 50 * MIB,
      dirtyBytesPerSecond: 60 * MIB,
    });
    const frame = ratesFrame(shape, migration, [], 700);
    expect(pointsOf(frame, 'sending')).toEqual([
      [100, 100],
      [200, 100],
      [200, 50],
      [700, 50],
    ]);
    expect(pointsOf(frame, 'dirtying').map(([, value]) => value)).toEqual([10, 10, 60, 60]);
  });
});

describe('ratesFrame during the first round', () => {
  it('shows what the page sees, since the source tells no rate yet', () => {
    const running = aMigration({
      outcome: 'running',
      phase: 'copying',
      roundList: [],
      bytesPerSecond: 0,
    });
    const seen = (timeMs: number, mib: number) => ({
      timeMs,
      sentBytes: mib * MIB,
      remainingBytes: 0,
      round: 1,
    });
    const frame = ratesFrame(shape, running, [seen(0, 0), seen(500, 10), seen(1000, 30)], 1000);
    expect(pointsOf(frame, 'sending')).toEqual([
      [0, Number.NaN],
      [500, 20],
      [1000, 40],
    ]);
  });
});

describe('ratesFrame of an ended migration', () => {
  it('leaves out the final copy, which says nothing about whether rounds converge', () => {
    const frame = ratesFrame(shape, aMigration({ startedAtMs: 0 }), [], 0);
    expect(pointsOf(frame, 'sending').map(([time]) => time)).toEqual([100, 200]);
  });
});

describe('meterFrame', () => {
  const probeSeries = [
    aSample(100, 50, 2),
    aSample(200, 100, 2),
    aSample(400, 150, 130),
    aSample(500, 200, 130),
  ];
  const frame = meterFrame(shape, aMigration({ startedAtMs: 1000, probeSeries }));

  it('counts answers per 100 ms, whatever the distance of the samples', () => {
    expect(pointsOf(frame, 'answered')).toEqual([
      [1100, 50],
      [1200, 50],
      [1400, 25],
      [1500, 50],
    ]);
  });

  it('does not make a rate of a few milliseconds', () => {
    const close = [aSample(100, 50, 2), aSample(110, 90, 2), aSample(200, 100, 2)];
    const merged = meterFrame(shape, aMigration({ startedAtMs: 0, probeSeries: close }));
    expect(pointsOf(merged, 'answered')).toEqual([
      [100, 50],
      [200, 50],
    ]);
  });

  it('marks where the longest silence ended, no finer than the samples tell', () => {
    expect(frame.bands).toEqual([{ fromMs: 1200, toMs: 1400, token: '--chart-silence' }]);
  });

  it('has no band while nothing was measured', () => {
    expect(meterFrame(shape, aMigration({ probeSeries: [] })).bands).toEqual([]);
  });
});
