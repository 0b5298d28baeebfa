/** The latency of queues, measured by real threads: of every frame, for each place of buffers. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AdapterConfig, LinkConfig } from '../../src/contract/model';
import type { HostReport } from '../../src/contract/report';
import type { Host } from '../../src/engine/host/host';
import { latencyDifference, latencySamples } from '../../src/shared/latency-histogram';
import { EngineLab, sleep, until, vmConfig } from '../support/engine-lab';

const VM = vmConfig('web-01', 'host-a', '02:00:5e:10:00:01', 10, '10.0.10.11', {
  kind: 'responder',
  digest: true,
});
const FRAMES = 2000;
/** Nothing waits this long at such a rate. */
const SECOND_US = 1e6;

function traffic(id: string): LinkConfig {
  return {
    kind: 'generator',
    id,
    name: id,
    plug: { at: 'adapter', hostId: 'host-a', adapter: 'nic-a' },
    targets: [{ mac: VM.nics[0]?.macs[0] ?? '', vlan: 10, ipv4: VM.nics[0]?.ipv4 ?? '' }],
    sourceMac: '02:00:5e:fe:00:01',
    frameBytes: 128,
    rate: { mode: 'fixed', framesPerSecond: 2000 },
    frames: FRAMES,
  };
}

let lab: EngineLab;
let host: Host;

async function open(adapter: Partial<AdapterConfig>): Promise<void> {
  await lab.open({ uplink: 'none', moderationMicroseconds: 50, ...adapter });
  await host.addVm(VM);
  await host.startVm(VM.id);
}

/** Sends all frames of a link, and waits until the guest has them. */
async function send(id: string): Promise<void> {
  await host.addLink(traffic(id));
  const isFinished = (): boolean =>
    host.snapshot().links.find(({ linkId }) => linkId === id)?.state === 'finished';
  await until('the link to finish', isFinished, 30_000);
  await sleep(100);
}

/** The queue that serves the VM now. */
async function queueOf(queueId: number): Promise<HostReport['queues'][number]> {
  const { queues } = await host.report();
  const queue = queues.find((candidate) => candidate.queueId === queueId && candidate.live);
  if (!queue) throw new Error(`there is no queue ${queueId}`);
  return queue;
}

beforeEach(() => {
  lab = new EngineLab();
  host = lab.hosts.a;
});

afterEach(async () => {
  await lab.close();
});

describe('the latency of a queue', () => {
  it.each([
    ['in the VM', { bufferMode: 'shared-memory' }, 1],
    ['of the host', { bufferMode: 'host-buffers' }, 1],
    ['of the host, on the default queue', { vmqEnabled: false }, 0],
  ] as const)(
    'counts each frame, with buffers %s, and its percentiles rise',
    async (_, adapter, queueId) => {
      await open(adapter);
      await send('first');
      const { frames, latency, latencyBuckets } = await queueOf(queueId);
      if (!latency) throw new Error('nothing was measured');
      expect(frames).toBeGreaterThanOrEqual(FRAMES);
      expect(latency.samples).toBe(frames);
      expect(latencySamples(latencyBuckets)).toBe(frames);
      const { p50, p90, p99, p999, max } = latency;
      const rising = [0, p50, p90, p99, p999, max, SECOND_US];
      expect([...rising].sort((one, other) => one - other)).toEqual(rising);
      // A frame is copied and shown by threads that have to be woken: not within a microsecond.
      expect(p50).toBeGreaterThan(1.024);

      await send('second');
      const later = await queueOf(queueId);
      const between = latencyDifference(later.latencyBuckets, latencyBuckets);
      expect(latencySamples(between)).toBe(later.frames - frames);
      const reading = host.queueLatency('nic-a', queueId);
      expect(reading.buckets).toEqual(later.latencyBuckets);
      expect(reading.longestMicroseconds).toBe(later.latency?.max);
    },
  );

  it('begins at zero when a VM gets a queue again; what the old one measured stays in the report', async () => {
    await open({});
    await send('first');
    const before = await queueOf(1);
    await host.stopVm(VM.id);
    await host.startVm(VM.id);
    const { queues } = await host.report();
    const [again, ...others] = queues.filter(({ vm, live }) => vm === VM.name && live);
    expect(others).toEqual([]);
    expect(again).toMatchObject({ latency: null, latencyBuckets: [] });
    const freed = queues.find(({ live }) => !live);
    expect(freed).toMatchObject({ queueId: 1, latencyBuckets: before.latencyBuckets });
    expect(() => host.queueLatency('nic-a', 1)).toThrow(/^The latency of queue 1 of nic-a/);
  });
});
