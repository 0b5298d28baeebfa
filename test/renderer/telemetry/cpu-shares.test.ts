import { describe, expect, it } from 'vitest';
import { cpuShares, sumAt } from '../../../src/renderer/telemetry/cpu-shares';
import { ROLE } from '../../../src/renderer/telemetry/columns';
import { HostSeries, queueKey } from '../../../src/renderer/telemetry/host-series';
import { aSample, type SampleRows } from '../support/a-sample';

const START_MS = 2_000_000;
const SECOND_NS = 1e9;

/** Two samples one second apart; counters of the second are what `second` says. */
function overOneSecond(
  first: Omit<SampleRows, 'timeMs'>,
  second: Omit<SampleRows, 'timeMs'>,
): HostSeries {
  const series = new HostSeries();
  series.push(aSample({ timeMs: START_MS, ...first }));
  series.push(aSample({ timeMs: START_MS + 1000, ...second }));
  return series;
}

const aQueueThread = {
  thread: 1,
  role: ROLE.queue,
  adapter: 0,
  queueId: 1,
  processor: 0,
  systemCpuNs: -1,
};
const anAdapterThread = {
  thread: 2,
  role: ROLE.adapter,
  adapter: 0,
  queueId: -1,
  processor: 0,
  systemCpuNs: -1,
};
const anIdleProcessor = { processor: 0, busyMs: 0, idleMs: 0 };

describe('cpuShares', () => {
  it('splits a processor into queues, adapter, polling and the rest of the machine', () => {
    const series = overOneSecond(
      { threads: [aQueueThread, anAdapterThread], processors: [anIdleProcessor] },
      {
        threads: [
          { ...aQueueThread, workNs: 0.3 * SECOND_NS, pollNs: 0.1 * SECOND_NS },
          { ...anAdapterThread, workNs: 0.2 * SECOND_NS },
        ],
        processors: [{ processor: 0, busyMs: 750, idleMs: 250 }],
      },
    );
    const [shares] = cpuShares(series, series.axis(START_MS + 1000, 1000, 1), []);
    expect(shares?.queues.get(queueKey(0, 1))?.[0]).toBeCloseTo(30);
    expect(shares?.parts.adapter[0]).toBeCloseTo(20);
    expect(shares?.parts.polling[0]).toBeCloseTo(10);
    expect(shares?.parts['machine-rest'][0]).toBeCloseTo(15);
    expect(shares && sumAt(shares, 0)).toBeCloseTo(75);
  });

  it('cuts work to the system’s account of the thread', () => {
    const measured = { ...aQueueThread, systemCpuNs: 0 };
    const series = overOneSecond(
      { threads: [measured], processors: [anIdleProcessor] },
      {
        threads: [{ ...measured, workNs: 0.9 * SECOND_NS, systemCpuNs: 0.45 * SECOND_NS }],
        processors: [{ processor: 0, busyMs: 900, idleMs: 100 }],
      },
    );
    const [shares] = cpuShares(series, series.axis(START_MS + 1000, 1000, 1), []);
    expect(shares?.queues.get(queueKey(0, 1))?.[0]).toBeCloseTo(45);
  });

  it('shows threads of other hosts apart', () => {
    const here = overOneSecond(
      { processors: [anIdleProcessor] },
      { processors: [{ processor: 0, busyMs: 600, idleMs: 400 }] },
    );
    const there = overOneSecond(
      { threads: [aQueueThread] },
      { threads: [{ ...aQueueThread, workNs: 0.4 * SECOND_NS, pollNs: 0.1 * SECOND_NS }] },
    );
    const axis = here.axis(START_MS + 1000, 1000, 1);
    const [shares] = cpuShares(here, axis, [
      { series: there, axis: there.axis(START_MS + 1000, 1000, 1) },
    ]);
    expect(shares?.parts['other-hosts'][0]).toBeCloseTo(50);
    expect(shares?.parts['machine-rest'][0]).toBeCloseTo(10);
  });

  it('attributes a pool thread to the queue that it serves at the end of the column', () => {
    const series = overOneSecond(
      { threads: [{ ...aQueueThread, queueId: 1 }] },
      { threads: [{ ...aQueueThread, queueId: 2, workNs: 0.5 * SECOND_NS }] },
    );
    const [shares] = cpuShares(series, series.axis(START_MS + 1000, 1000, 1), []);
    expect([...(shares?.queues.keys() ?? [])]).toEqual([queueKey(0, 2)]);
  });

  it('gathers threads without a processor at the end', () => {
    const series = overOneSecond(
      { threads: [{ ...aQueueThread, processor: -1 }], processors: [anIdleProcessor] },
      {
        threads: [{ ...aQueueThread, processor: -1, workNs: 0.2 * SECOND_NS }],
        processors: [{ processor: 0, busyMs: 200, idleMs: 800 }],
      },
    );
    const shares = cpuShares(series, series.axis(START_MS + 1000, 1000, 1), []);
    expect(shares.map(({ processor }) => processor)).toEqual([0, -1]);
  });

  it('marks columns without samples as unknown', () => {
    const series = overOneSecond(
      { processors: [anIdleProcessor] },
      { processors: [anIdleProcessor] },
    );
    const [shares] = cpuShares(series, series.axis(START_MS + 1000, 1000, 3), []);
    expect([...(shares?.known ?? [])]).toEqual([0, 0, 1]);
  });
});
