/** What an interval between two meters comes to. */
import { describe, expect, it } from 'vitest';

import type { AdapterMeter } from '../../../src/contract/experiment';
import { intervalBetween } from '../../../src/lab/experiment/interval';

type Thread = AdapterMeter['threads'][number];

function aThread(thread: number, part: Partial<Thread> = {}): Thread {
  return {
    thread,
    role: 'queue',
    systemCpuNs: 0,
    turnNs: 0,
    delivered: 0,
    receiveCopies: 0,
    lost: 0,
    ...part,
  };
}

function aMeter(seconds: number, threads: Thread[], part: Partial<AdapterMeter> = {}) {
  return { atNs: seconds * 1e9, queuesUsed: 1, threads, queues: [], ...part };
}

describe('intervalBetween', () => {
  it('counts the host’s threads for the host, and the adapter’s apart', () => {
    const interval = intervalBetween(
      aMeter(10, [aThread(0, { role: 'adapter', systemCpuNs: 5000 }), aThread(1), aThread(2)]),
      aMeter(12, [
        aThread(0, { role: 'adapter', systemCpuNs: 25_000, lost: 3 }),
        aThread(1, { delivered: 60, systemCpuNs: 40_000, receiveCopies: 60 }),
        aThread(2, { delivered: 40, systemCpuNs: 60_000 }),
      ]),
    );
    expect(interval).toMatchObject({
      seconds: 2,
      deliveredFrames: 100,
      framesPerSecond: 50,
      cpuNsPerFrame: 1000,
      adapterCpuNsPerFrame: 200,
      copiesPerFrame: 0.6,
      lostFrames: 3,
      cpuSource: 'system',
    });
  });

  it('takes what threads say of themselves as soon as the system says nothing of one', () => {
    const silent = { systemCpuNs: -1 };
    expect(
      intervalBetween(
        aMeter(0, [aThread(1), aThread(2, silent)]),
        aMeter(1, [
          aThread(1, { delivered: 10, systemCpuNs: 999, turnNs: 100 }),
          aThread(2, { ...silent, turnNs: 300 }),
        ]),
      ),
    ).toMatchObject({ cpuNsPerFrame: 40, cpuSource: 'threads' });
  });

  it('leaves threads and queues out that came or went in between', () => {
    const interval = intervalBetween(
      aMeter(0, [aThread(1), aThread(7, { delivered: 500 })], {
        queues: [{ queueId: 3, latencyBuckets: [9] }],
      }),
      aMeter(1, [aThread(1, { delivered: 10 }), aThread(8, { delivered: 900 })], {
        queues: [{ queueId: 4, latencyBuckets: [9] }],
      }),
    );
    expect(interval).toMatchObject({ deliveredFrames: 10, latencyP50Us: null });
  });

  it('has the latency of all queues together, of this interval alone', () => {
    const long = (samples: number): number[] => [...Array.from({ length: 40 }, () => 0), samples];
    const interval = intervalBetween(
      aMeter(0, [], { queues: [{ queueId: 0, latencyBuckets: long(1000) }] }),
      aMeter(1, [], {
        queues: [{ queueId: 0, latencyBuckets: [98, ...long(1000).slice(1, -1), 1002] }],
      }),
    );
    expect(interval.latencyP50Us).toBe(1.024);
    expect(interval.latencyP99Us).toBeGreaterThan(20);
  });

  it('says nothing per frame where there was none', () => {
    expect(intervalBetween(aMeter(0, [aThread(1)]), aMeter(1, [aThread(1)]))).toMatchObject({
      framesPerSecond: 0,
      cpuNsPerFrame: null,
      copiesPerFrame: null,
    });
  });
});
