/** Queues, filters and the adapter itself change while frames flow, with real threads. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AdapterConfig, LinkConfig, QueueRequest, VmConfig } from '../../src/contract/model';
import {
  adapterProfileSchema,
  type AdapterEvent,
  type AdapterProfile,
} from '../../src/contract/vmq';
import type { Host } from '../../src/engine/host/host';
import { writeGeneratorFrames, type GeneratorConfig } from '../../src/engine/link/generator-frames';
import { EngineLab, sleep, until, vmConfig } from '../support/engine-lab';
import { FrameDigest } from '../support/frame-digest';

const FRAMES = 12_000;
const ADAPTER: AdapterConfig = {
  id: 'nic-a',
  name: 'nic-a',
  queueCount: 4,
  vmqEnabled: true,
  bufferMode: 'shared-memory',
  moderationMicroseconds: 50,
  uplink: 'none',
};
const DIGEST = { kind: 'responder', digest: true } as const;
const VMS = [
  vmConfig('web-01', 'host-a', '02:00:5e:10:00:01', 10, '10.0.10.11', DIGEST),
  vmConfig('web-02', 'host-a', '02:00:5e:10:00:02', 10, '10.0.10.12', DIGEST),
];

const target = (vm: VmConfig) => ({
  mac: vm.nics[0]?.macs[0] ?? '',
  vlan: 10,
  ipv4: vm.nics[0]?.ipv4 ?? '',
});

const GENERATOR: LinkConfig = {
  kind: 'generator',
  id: 'generator',
  name: 'generator',
  plug: { at: 'adapter', hostId: 'host-a', adapter: 'nic-a' },
  targets: VMS.map(target),
  sourceMac: '02:00:5e:fe:00:01',
  frameBytes: 128,
  rate: { mode: 'fixed', framesPerSecond: 6000 },
  frames: FRAMES,
};

function profileOf(id: string): AdapterProfile {
  const text = readFileSync(resolve('resources/adapters', `${id}.json`), 'utf8');
  return adapterProfileSchema.parse(JSON.parse(text));
}

/** What a guest's digest is when it was given every frame of the generator, in order. */
function wholeDigest(index: number): string {
  const digest = new FrameDigest();
  const vm = VMS[index];
  if (!vm) throw new Error('there are two VMs');
  const frames = Buffer.alloc(4096);
  writeGeneratorFrames(frames, 0, { ...(GENERATOR as GeneratorConfig), targets: [target(vm)] });
  const template = Buffer.concat([frames.subarray(0, 12), frames.subarray(16, 128)]);
  for (let number = index; number < FRAMES; number += 2) {
    template.writeBigUInt64LE(BigInt(number), template.length - 8);
    digest.add(template);
  }
  return digest.toString();
}

let lab: EngineLab;
let host: Host;

beforeEach(async () => {
  lab = new EngineLab();
  host = lab.hosts.a;
  await lab.open({ uplink: 'none' });
});

afterEach(async () => {
  await lab.close();
});

async function startVms(): Promise<void> {
  for (const vm of VMS) {
    await host.addVm(vm);
    await host.startVm(vm.id);
  }
}

const isRunning = (): boolean => host.snapshot().links[0]?.state === 'running';

/** Does things in turn until the generator has sent everything. */
async function whileFramesFlow(things: readonly (() => Promise<void>)[]): Promise<number> {
  await host.addLink(GENERATOR);
  let done = 0;
  for (; isRunning(); done++) {
    await things[done % things.length]?.();
    await sleep(10);
  }
  await until('all frames to be accounted for', () => !isRunning());
  await sleep(300);
  return done;
}

async function expectEveryFrameInOrder(): Promise<void> {
  const { conservation } = await host.report();
  expect(conservation).toMatchObject({ holds: true, held: 0, dropped: {} });
  expect(host.snapshot().vms.map(({ guest }) => guest.digests)).toEqual([
    [wholeDigest(0)],
    [wholeDigest(1)],
  ]);
}

function withQueue(vm: VmConfig, queue: QueueRequest): VmConfig {
  return { ...vm, nics: vm.nics.map((nic) => ({ ...nic, queue })) };
}

describe('while frames flow', () => {
  it('one queue goes back and forth between two VMs by weight, and no frame is lost or overtaken', async () => {
    await host.setAdapter({ ...ADAPTER, queueCount: 1 });
    await startVms();
    const [first, second] = VMS;
    if (!first || !second) throw new Error('there are two VMs');
    const weigh = (vm: VmConfig, weight: number) => () =>
      host.updateVm(withQueue(vm, { mode: 'automatic', weight }));
    const holders = new Set<string | null>();
    const look = (): Promise<void> => {
      holders.add(host.snapshot().queues.find(({ queueId }) => queueId > 0)?.vmName ?? null);
      return Promise.resolve();
    };
    await whileFramesFlow([weigh(first, 10), look, weigh(second, 5), look]);
    expect(holders).toEqual(new Set(['web-01', 'web-02']));
    await expectEveryFrameInOrder();
  });

  it('a queue moves from processor to processor, and no frame is lost or overtaken', async () => {
    await startVms();
    const [vm] = VMS;
    if (!vm) throw new Error('there are two VMs');
    const ids = new Set<number>();
    const move = (processor: number) => async (): Promise<void> => {
      await host.updateVm(withQueue(vm, { mode: 'processor', processor }));
      const queue = host.snapshot().queues.find(({ vmId }) => vmId === vm.id);
      expect(queue?.processor).toBe(processor);
      ids.add(queue?.queueId ?? -1);
    };
    const { processors } = host.snapshot();
    await whileFramesFlow(Array.from({ length: processors }, (_, index) => move(index)));
    expect(ids.size).toBe(1);
    await expectEveryFrameInOrder();
  });

  it('an adapter changes its profile, and no frame is lost or overtaken', async () => {
    await startVms();
    const become =
      (id: string, part: Partial<AdapterConfig> = {}) =>
      () =>
        host.setAdapter({ ...ADAPTER, ...part, profile: profileOf(id) });
    await whileFramesFlow([
      become('lookahead-10g'),
      become('dynamic-25g'),
      become('office-1g', { vmqBelow10Gbps: true }),
      become('lookahead-10g', { bufferMode: 'host-buffers' }),
      become('office-1g'),
    ]);
    await expectEveryFrameInOrder();
    const told = lab.events.filter(({ type }) => type === 'adapter/status-indicated');
    expect(told.length).toBeGreaterThan(0);
  });

  it('an adapter is paused, reset, halted and removed, and every frame is accounted for', async () => {
    await startVms();
    const live = (event: AdapterEvent) => () => host.adapterEvent('nic-a', event);
    const done = await whileFramesFlow([
      live('reset'),
      live('pause'),
      live('restart'),
      live('halt'),
      live('initialise'),
      live('surprise-removal'),
      live('initialise'),
    ]);
    expect(done).toBeGreaterThan(10);
    const [adapter] = host.snapshot().adapters;
    if (adapter?.state === 'paused') await host.adapterEvent('nic-a', 'restart');
    else if (adapter?.state !== 'running') await host.adapterEvent('nic-a', 'initialise');
    const { conservation } = await host.report();
    expect(conservation).toMatchObject({ holds: true, held: 0 });
    const { dropped } = conservation;
    expect(Object.keys(dropped).every((reason) => reason.startsWith('adapter-'))).toBe(true);
    const lost = Object.values(dropped).reduce((sum: number, count) => sum + count, 0);
    expect(lost).toBeGreaterThan(0);
    expect(conservation.delivered.toVms).toBe(FRAMES - lost);
    expect(host.snapshot().nics.map(({ noQueue }) => noQueue)).toEqual([null, null]);
  });
});
