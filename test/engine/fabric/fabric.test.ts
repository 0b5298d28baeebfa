/** The fabric without workers: its link thread and its switching thread run on the test's own thread. */
import { getEventListeners } from 'node:events';
import { join } from 'node:path';
import type { WorkerOptions } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { EngineEvent, LinkConfig, ProbeSample } from '../../../src/contract';
import { Fabric } from '../../../src/engine/fabric/fabric';
import type { CreateWorker } from '../../../src/engine/thread/engine-thread';
import type { ThreadStart } from '../../../src/engine/thread/protocol';
import { InlineThreads } from '../../support/inline-threads';
import { makeTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder';
import { createInlineLinkThread } from '../link/inline-link-thread';

const PROBE = {
  ...{ probeId: 'p', mac: '02:00:5e:10:00:01', ipv4: '10.0.10.11', perSecond: 1000 },
  vlan: { mode: 'untagged' },
} as const;
const GENERATOR: LinkConfig = {
  ...{ kind: 'generator', id: 'gen', name: 'gen', plug: { at: 'fabric' }, frames: 50 },
  ...{ sourceMac: '02:00:5e:fe:00:01', frameBytes: 64, rate: { mode: 'maximum' } },
  targets: [{ mac: '02:00:5e:10:00:01' }],
};

let folder: TemporaryFolder;
let threads: InlineThreads;
let fabric: Fabric;
let events: EngineEvent[];

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  folder = makeTemporaryFolder('fabric');
  threads = new InlineThreads();
  const createWorker: CreateWorker = (options?: WorkerOptions) => {
    const { role } = options?.workerData as ThreadStart;
    return (role === 'link' ? createInlineLinkThread : threads.createWorker)(options);
  };
  fabric = new Fabric(createWorker);
  events = [];
  fabric.onEvent((event) => events.push(event));
  await threads.drive(fabric.open({ fabricSocket: join(folder.path, 'fabric.sock') }));
});

afterEach(async () => {
  await threads.drive(fabric.close());
  vi.useRealTimers();
  folder.remove();
});

/** Lets so much time pass, and everything happen that is due meanwhile. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10) {
    vi.advanceTimersByTime(10);
    await threads.drive(new Promise((resolve) => setImmediate(resolve)));
  }
}

/** Ends a probe; the time that it waits for late answers passes. */
async function stopProbe(): ReturnType<Fabric['stopProbe']> {
  const stopped = fabric.stopProbe('p');
  await pass(600);
  return threads.drive(stopped);
}

/** A watcher that keeps what it sees, and says when its stream has ended. */
function watcher(signal?: AbortSignal) {
  const seen = { samples: [] as ProbeSample[], hasEnded: false };
  const watch = async (): Promise<void> => {
    for await (const sample of fabric.watchProbe('p', signal)) seen.samples.push(sample);
    seen.hasEnded = true;
  };
  return Object.assign(seen, { ended: watch() });
}

describe('probes of the fabric', () => {
  it('shows what a probe measures ten times a second, to each watcher, and ends with it', async () => {
    await threads.drive(fabric.startProbe(PROBE));
    const early = watcher();
    await pass(500);
    const late = watcher();
    await pass(500);
    expect(early.samples.length).toBeGreaterThanOrEqual(9);
    expect(early.samples.length).toBeLessThanOrEqual(11);
    expect(late.samples.length).toBeLessThanOrEqual(6);
    const result = await stopProbe();
    await Promise.all([early.ended, late.ended]);
    const counts = early.samples.map(({ sent }) => sent);
    expect(counts).toEqual([...counts].sort((one, other) => one - other));
    // Nobody is there to answer.
    for (const { samples } of [early, late])
      expect(samples.at(-1)).toMatchObject({ sent: result.sent, received: 0, toVmReceived: 0 });
    expect(result).toMatchObject({ lost: result.sent, toVm: { lost: result.sent } });
  });

  it('lets a watcher go that goes away, and leaves nothing of it behind', async () => {
    await threads.drive(fabric.startProbe(PROBE));
    const timers = vi.getTimerCount();
    const controller = new AbortController();
    const aborted = watcher(controller.signal);
    await pass(200);
    controller.abort();
    await aborted.ended;
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    const seen = aborted.samples.length;

    const returning = fabric.watchProbe('p', undefined);
    await threads.drive(returning.next());
    await returning.return(undefined);
    expect(vi.getTimerCount()).toBe(timers);
    await pass(300);
    expect(aborted.samples.length).toBe(seen);
    await stopProbe();
  });

  it('ends its watchers when the fabric is closed', async () => {
    await threads.drive(fabric.startProbe(PROBE));
    const { ended } = watcher();
    await pass(50);
    await threads.drive(fabric.close());
    await ended;
  });

  it('refuses to watch, to stop or to break what does not run', async () => {
    const refusal = { refusal: { code: 'wrong-state', field: 'probeId' } };
    expect(() => fabric.watchProbe('p', undefined)).toThrow('left as it is');
    await expect(fabric.stopProbe('p')).rejects.toMatchObject(refusal);
    await expect(fabric.loseProbes('p', 'to-vm', 1)).rejects.toMatchObject(refusal);
    await threads.drive(fabric.startProbe(PROBE));
    await expect(fabric.startProbe(PROBE)).rejects.toMatchObject(refusal);
    const stopped = stopProbe();
    await expect(fabric.stopProbe('p')).rejects.toMatchObject(refusal);
    await stopped;
    expect(fabric.snapshot().ports).toEqual([]);
  });

  it('says when frames are lost on purpose', async () => {
    await threads.drive(fabric.startProbe(PROBE));
    await threads.drive(fabric.loseProbes('p', 'from-vm', 20));
    expect(events.map(({ type }) => type)).toEqual(['probe/started', 'probe/loss-injected']);
    await stopProbe();
  });
});

describe('the state of the fabric', () => {
  it('changes at most once a second while the counters of links move, and never when idle', async () => {
    await threads.drive(fabric.addLink(GENERATOR));
    await pass(100);
    let changes = 0;
    fabric.onChange(() => (changes += 1));
    await pass(1500);
    expect(fabric.snapshot().links).toMatchObject([{ state: 'finished', frames: 50 }]);
    expect(changes).toBe(1);
    await pass(5000);
    expect(changes).toBe(1);

    await threads.drive(fabric.startLink('gen'));
    await pass(10);
    changes = 0;
    await pass(3000);
    expect(changes).toBe(1);
  });
});
