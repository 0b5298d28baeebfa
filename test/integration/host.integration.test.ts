/** One host with real threads: captures, mode switches and lost threads, against independent counts. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LinkConfig, VmConfig } from '../../src/contract/model';
import type { Host } from '../../src/engine/host/host';
import { pcapFileHeader, pcapRecord } from '../../src/engine/link/capture/write-pcap';
import { writeGeneratorFrames, type GeneratorConfig } from '../../src/engine/link/generator-frames';
import { EngineLab, sleep, until, vmConfig } from '../support/engine-lab';
import { FrameDigest } from '../support/frame-digest';
import { captureFrames, countCapture } from '../support/independent-capture-reader';

const VMS = [
  vmConfig('web-01', 'host-a', '02:00:5e:10:00:01', 10, '10.0.10.11', {
    kind: 'responder',
    digest: true,
  }),
  vmConfig('web-02', 'host-a', '02:00:5e:10:00:02', 10, '10.0.10.12', {
    kind: 'responder',
    digest: true,
  }),
  vmConfig('db-01', 'host-a', '02:00:5e:20:00:01', 20, '10.0.20.11', {
    kind: 'responder',
    digest: true,
  }),
  vmConfig('db-02', 'host-a', '02:00:5e:20:00:02', 20, '10.0.20.12', {
    kind: 'responder',
    digest: true,
  }),
];
const PLUG = { at: 'adapter', hostId: 'host-a', adapter: 'nic-a' } as const;

const ADAPTER_OF_LAB = {
  id: 'nic-a',
  name: 'nic-a',
  queueCount: 4,
  vmqEnabled: true,
  bufferMode: 'shared-memory',
  moderationMicroseconds: 50,
  uplink: 'none',
} as const;

function vlanOf(vm: VmConfig): number {
  return vm.nics[0]?.vlan.mode === 'access' ? vm.nics[0].vlan.id : 0;
}

function destinationOf(frame: Buffer): string {
  return `${frame.toString('hex', 0, 6).replace(/..(?=.)/g, '$&:')}/${frame.readUInt16BE(14) % 4096}`;
}

/** A frame of the generator as a guest gets it, without its number. */
function generatedFrame(vm: VmConfig): Buffer {
  const frames = Buffer.alloc(4096);
  const target = { mac: vm.nics[0]?.macs[0] ?? '', vlan: 10, ipv4: vm.nics[0]?.ipv4 ?? '' };
  writeGeneratorFrames(frames, 0, { ...(generator(1, 0) as GeneratorConfig), targets: [target] });
  return Buffer.concat([frames.subarray(0, 12), frames.subarray(16, 128)]);
}

function replay(file: string, rate: number, loops = 1): LinkConfig {
  return {
    kind: 'replay',
    id: 'replay',
    name: 'replay',
    plug: PLUG,
    file: resolve('resources/captures', file),
    rate: { mode: 'fixed', framesPerSecond: rate },
    loops,
  };
}

function generator(rate: number, frames: number): LinkConfig {
  const targets = VMS.slice(0, 2).map((vm) => ({
    mac: vm.nics[0]?.macs[0] ?? '',
    vlan: 10,
    ipv4: vm.nics[0]?.ipv4 ?? '',
  }));
  return {
    kind: 'generator',
    id: 'generator',
    name: 'generator',
    plug: PLUG,
    targets,
    sourceMac: '02:00:5e:fe:00:01',
    frameBytes: 128,
    rate: { mode: 'fixed', framesPerSecond: rate },
    frames,
  };
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

async function startVms(count: number): Promise<void> {
  for (const vm of VMS.slice(0, count)) {
    await host.addVm(vm);
    await host.startVm(vm.id);
  }
}

async function linkFinished(): Promise<void> {
  await until('the link to finish', () => host.snapshot().links[0]?.state === 'finished', 30_000);
  await until(
    'the rings to run empty',
    () => host.snapshot().links.length > 0 && sumPending() === 0,
  );
  await sleep(100);
}

function sumPending(): number {
  const data = host.sampleTelemetry();
  return data[11] ?? 0;
}

describe('a capture replayed into a host', () => {
  it.each(['sample-office.pcapng', 'sample-web.pcap'])(
    'delivers of %s to each queue and guest what an independent reader counts',
    async (file) => {
      await startVms(4);
      await host.addLink(replay(file, 2000));
      await linkFinished();
      const bytes = readFileSync(resolve('resources/captures', file));
      const counted = countCapture(bytes);
      const report = await host.report();
      expect(report.conservation).toMatchObject({
        holds: true,
        held: 0,
        entered: { fromWire: counted.frames },
      });
      for (const vm of VMS) {
        const mac = vm.nics[0]?.macs[0] ?? '';
        const vlan = vm.nics[0]?.vlan.mode === 'access' ? vm.nics[0].vlan.id : 0;
        const expected = counted.byDestination.get(`${mac}/${vlan}`) ?? { frames: 0, bytes: 0 };
        const queue = report.queues.find((candidate) => candidate.vm === vm.name);
        // The queue's frames have lost their tag of four bytes.
        expect(queue).toMatchObject({
          frames: expected.frames,
          bytes: expected.bytes - 4 * expected.frames,
          dropped: {},
        });
      }
    },
  );

  it.each(['shared-memory', 'host-buffers'] as const)(
    'shows each guest the very bytes of the capture, in order, with %s',
    async (bufferMode) => {
      const [adapter] = host.snapshot().adapters;
      await host.setAdapter({
        ...ADAPTER_OF_LAB,
        bufferMode,
        moderationMicroseconds: adapter?.moderationMicroseconds ?? 0,
      });
      await startVms(4);
      const destinations = new Map(
        VMS.map((vm) => [`${vm.nics[0]?.macs[0] ?? ''}/${vlanOf(vm)}`, new FrameDigest()]),
      );
      const wanted = captureFrames(
        readFileSync(resolve('resources/captures/sample-office.pcapng')),
      ).filter((frame) => {
        const digest = destinations.get(destinationOf(frame));
        digest?.add(Buffer.concat([frame.subarray(0, 12), frame.subarray(16)]));
        return digest !== undefined;
      });
      expect(wanted.length).toBeGreaterThan(50);
      const encoding = { isLittleEndian: true, resolution: 'microseconds' } as const;
      const file = join(lab.folder, 'unicast.pcap');
      writeFileSync(
        file,
        Buffer.concat([
          pcapFileHeader(encoding),
          ...wanted.map((bytes, i) => pcapRecord({ timestampNs: i * 1000, bytes }, encoding)),
        ]),
      );
      await host.addLink({ ...replay('', 5000), file } as LinkConfig);
      await linkFinished();
      const { vms } = host.snapshot();
      for (const vm of VMS) {
        const digest = destinations.get(`${vm.nics[0]?.macs[0] ?? ''}/${vlanOf(vm)}`);
        expect(vms.find(({ vmId }) => vmId === vm.id)?.guest.digests).toEqual([digest?.toString()]);
      }
    },
  );
});

const FRAMES = 15_000;

describe('mode changes while frames flow', () => {
  it('lose no frame and change no order', async () => {
    await startVms(2);
    await host.addLink(generator(5000, FRAMES));
    const modes = [
      { vmqEnabled: false, bufferMode: 'shared-memory' },
      { vmqEnabled: true, bufferMode: 'host-buffers' },
      { vmqEnabled: true, bufferMode: 'shared-memory' },
    ] as const;
    for (let i = 0; host.snapshot().links[0]?.state === 'running'; i++) {
      await host.setAdapter({ ...ADAPTER_OF_LAB, ...(modes[i % modes.length] ?? modes[0]) });
      await sleep(50);
    }
    await linkFinished();
    const report = await host.report();
    expect(report.conservation.dropped).toEqual({});
    expect(report.conservation).toMatchObject({
      holds: true,
      held: 0,
      delivered: { toVms: FRAMES },
    });
    expect(report.queues.filter((queue) => !queue.live).length).toBeGreaterThan(3);
    // The generator numbers its frames in their last 8 bytes and takes the targets in turn.
    for (const [index, vm] of VMS.slice(0, 2).entries()) {
      const digest = new FrameDigest();
      const template = generatedFrame(vm);
      for (let number = index; number < FRAMES; number += 2) {
        template.writeBigUInt64LE(BigInt(number), template.length - 8);
        digest.add(template);
      }
      expect(host.snapshot().vms.find(({ vmId }) => vmId === vm.id)?.guest.digests).toEqual([
        digest.toString(),
      ]);
    }
  });
});

describe('a queue thread that dies', () => {
  it('sends its VM to the default queue, is replaced, and what it lost is counted', async () => {
    await startVms(1);
    await host.addLink(generator(5000, 0));
    await until('frames on the queue', () => (host.snapshot().vms[0]?.guest.sunkFrames ?? 0) > 500);
    for (let i = 0; i < 3; i++) {
      const thread = host.snapshot().queues.find((queue) => queue.queueId > 0)?.thread ?? -1;
      await host.killThread(thread);
      await until(
        'the replacement',
        () => lab.events.filter((event) => event.type === 'thread/replaced').length === i + 1,
      );
      const before = host.snapshot().vms[0]?.guest.sunkFrames ?? 0;
      await until(
        'frames after it',
        () => (host.snapshot().vms[0]?.guest.sunkFrames ?? 0) > before + 500,
      );
    }
    expect(host.snapshot().nics[0]?.queueId).toBeGreaterThan(0);
    await host.stopLink('generator');
    await until('the rings to run empty', () => sumPending() === 0);
    await sleep(100);
    expect((await host.report()).conservation).toMatchObject({ holds: true, held: 0 });
  });
});
