import { describe, expect, it } from 'vitest';
import { QUEUE } from '../../../src/renderer/telemetry/columns';
import {
  CAPACITY_SAMPLES,
  HostSeries,
  queueKey,
} from '../../../src/renderer/telemetry/host-series';
import { aSample } from '../support/a-sample';

const START_MS = 1_000_000;
const KEY = queueKey(0, 1);

/** Ten samples a second of one queue; `frames` answers its counter at a sample. */
function aSeries(samples: number, frames: (sample: number) => number | undefined): HostSeries {
  const series = new HostSeries();
  for (let sample = 0; sample < samples; sample += 1) {
    const count = frames(sample);
    const queues = count === undefined ? [] : [{ adapter: 0, queueId: 1, frames: count }];
    series.push(aSample({ timeMs: START_MS + sample * 100, queues }));
  }
  return series;
}

describe('HostSeries', () => {
  it('derives a rate from the difference of a counter over real time', () => {
    const series = aSeries(31, (sample) => sample * 50);
    const rates = series.rates(KEY, QUEUE.frames, series.axis(START_MS + 3000, 1000, 3));
    expect([...rates]).toEqual([500, 500, 500]);
  });

  it('uses the elapsed time when samples came late', () => {
    const series = new HostSeries();
    series.push(aSample({ timeMs: START_MS, queues: [{ adapter: 0, queueId: 1, frames: 0 }] }));
    series.push(
      aSample({ timeMs: START_MS + 1250, queues: [{ adapter: 0, queueId: 1, frames: 1000 }] }),
    );
    expect(series.latestRate(KEY, QUEUE.frames)).toBe(800);
  });

  it('leaves a gap while a row is missing', () => {
    const series = aSeries(41, (sample) => (sample > 12 && sample < 28 ? undefined : sample * 10));
    const rates = series.rates(KEY, QUEUE.frames, series.axis(START_MS + 4000, 1000, 4));
    expect([...rates]).toEqual([100, Number.NaN, Number.NaN, 100]);
  });

  it('leaves a gap where a counter fell, since another process counts from zero', () => {
    const series = aSeries(31, (sample) => (sample < 15 ? sample * 10 : (sample - 15) * 10));
    const rates = series.rates(KEY, QUEUE.frames, series.axis(START_MS + 3000, 1000, 3));
    expect([...rates]).toEqual([100, Number.NaN, 100]);
  });

  it('leaves a gap where the host was silent', () => {
    const series = new HostSeries();
    for (const timeMs of [0, 100, 200, 6000, 6100, 7100]) {
      series.push(
        aSample({
          timeMs: START_MS + timeMs,
          queues: [{ adapter: 0, queueId: 1, frames: timeMs }],
        }),
      );
    }
    const rates = series.rates(KEY, QUEUE.frames, series.axis(START_MS + 7000, 1000, 7));
    expect([...rates.slice(2, 5)].every(Number.isNaN)).toBe(true);
  });

  it('breaks all series when a new process begins', () => {
    const series = aSeries(11, (sample) => sample * 10);
    series.breakHere();
    expect(series.latestValue(KEY, QUEUE.frames)).toBeNaN();
  });

  it('refuses arrays of another layout and samples that are not newer', () => {
    const series = aSeries(2, () => 1);
    expect(series.push(Float64Array.of(99, START_MS + 500))).toBe(false);
    expect(series.push(aSample({ timeMs: START_MS + 100 }))).toBe(false);
    expect(series.count).toBe(2);
  });

  it('keeps five minutes and forgets rows that ended before', () => {
    const series = aSeries(CAPACITY_SAMPLES + 200, (sample) => (sample < 50 ? sample : undefined));
    expect(series.latestMs - series.oldestMs).toBeGreaterThan(300_000);
    expect(series.rowsOf('queue')).toEqual([]);
  });

  it('aligns columns to whole multiples of their width', () => {
    const series = aSeries(31, (sample) => sample);
    const axis = series.axis(START_MS + 2730, 500, 4);
    expect([...axis.endsMs]).toEqual([1000, 1500, 2000, 2500].map((offset) => START_MS + offset));
  });

  it('gives every sample its own column on a raw axis', () => {
    const series = aSeries(21, (sample) => sample * 7);
    const axis = series.rawAxis(START_MS + 500, START_MS + 1000);
    expect(axis.endsMs.length).toBe(5);
    expect(series.rates(KEY, QUEUE.frames, axis).every((rate) => Math.abs(rate - 70) < 1e-9)).toBe(
      true,
    );
  });
});
