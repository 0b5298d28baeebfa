/** The virtual switch frame by frame, through the real kernels, on the test's own thread. */
import { describe, expect, it } from 'vitest';
import {
  G_BASE,
  G_NICS,
  GN_MAC_LOW,
  N_RX_DESC,
  N_TX_AVAIL,
} from '../../../src/engine/kernel/layout';
import type { VirtualMachine } from '../../../src/engine/vm/virtual-machine';
import { InlineHost } from '../../support/inline-host';

const WEB = { mac: '02:00:5e:10:00:01', vlan: 10, ipv4: '10.0.10.11' };
const APP = { mac: '02:00:5e:10:00:02', vlan: 10, ipv4: '10.0.10.12' };
const DB = { mac: '02:00:5e:20:00:01', vlan: 20, ipv4: '10.0.20.11' };
const sender = (destinationIpv4: string) =>
  ({ kind: 'sender', destinationIpv4, framesPerSecond: 100_000, frameBytes: 100 }) as const;

function frame(to: string, from: string, vlan: number): Uint8Array {
  const bytes = new Uint8Array(64);
  const octets = (mac: string): number[] =>
    mac.split(':').map((octet) => Number.parseInt(octet, 16));
  bytes.set([...octets(to), ...octets(from), 0x81, 0x00, vlan >> 8, vlan & 0xff, 0x08, 0x00]);
  return bytes;
}

const received = (vm: VirtualMachine): number => vm.ports[0]?.counters().rxFrames ?? 0;

describe('the virtual switch', () => {
  it('carries frames between two VMs of one VLAN without the wire, after one ARP exchange', async () => {
    const host = await InlineHost.create();
    const app = await host.addVm('app', APP);
    const web = await host.addVm('web', { ...WEB, workload: sender(APP.ipv4) });
    for (let i = 0; i < 2000; i++) host.threads.round();
    host.sent();
    const { sentFrames } = web.snapshot().guest;
    expect(sentFrames).toBeGreaterThan(100);
    expect(app.snapshot().guest.arpReplies).toBe(1);
    expect(app.snapshot().guest.sunkFrames).toBeGreaterThan(sentFrames - 64);
    // The wire saw the broadcast ARP request and nothing else.
    expect(host.conservation()).toMatchObject({
      holds: true,
      copiesMade: 1,
      delivered: { toWire: 1 },
    });
  });

  it('gives a broadcast to every port of its VLAN and to no other', async () => {
    const host = await InlineHost.create();
    const vms = [
      await host.addVm('web', WEB),
      await host.addVm('app', APP),
      await host.addVm('db', DB),
    ];
    host.receive(frame('ff:ff:ff:ff:ff:ff', '02:00:5e:cc:00:01', 10));
    host.receive(frame('01:00:5e:00:00:05', '02:00:5e:cc:00:01', 10));
    host.threads.settle();
    expect(vms.map(received)).toEqual([2, 2, 0]);
    expect(host.conservation()).toMatchObject({
      holds: true,
      copiesMade: 2,
      delivered: { toVms: 4 },
    });
  });

  it('floods an unknown address, and forwards once it has been learned on the wire', async () => {
    const host = await InlineHost.create();
    const web = await host.addVm('web', { ...WEB, workload: sender('10.0.10.99') });
    const app = await host.addVm('app', APP);
    host.receive(frame('02:00:5e:dd:00:09', '02:00:5e:cc:00:01', 10));
    host.threads.settle();
    expect([received(web), received(app)]).toEqual([1, 1]);
    // The client's address was learned: a frame from the wire to it is for somebody else.
    host.receive(frame('02:00:5e:cc:00:01', '02:00:5e:cc:00:02', 10));
    host.threads.settle();
    expect([received(web), received(app)]).toEqual([1, 1]);
    expect(host.conservation()).toMatchObject({ holds: true, dropped: { 'same-port': 1 } });
  });

  it('forgets a learned address after five minutes without a frame from it', async () => {
    const host = await InlineHost.create();
    const app = await host.addVm('app', APP);
    host.adapter.hardware.age(1);
    host.receive(frame(APP.mac, '02:00:5e:cc:00:01', 10));
    host.threads.settle();
    expect(host.adapter.hardware.age(200)).toBe(1);
    expect(host.adapter.hardware.age(400)).toBe(0);
    host.receive(frame('02:00:5e:cc:00:01', '02:00:5e:cc:00:02', 10));
    host.threads.settle();
    expect(received(app)).toBe(2);
  });

  it('keeps its MAC table bounded and the assigned addresses in it, whatever is learned', async () => {
    const host = await InlineHost.create();
    const app = await host.addVm('app', APP);
    for (let i = 0; i < 20_000; i++) {
      const mac = `02:11:${[i >> 16, i >> 8, i, i * 7].map((octet) => (octet & 0xff).toString(16).padStart(2, '0')).join(':')}`;
      host.receive(frame(APP.mac, mac, 10));
      if (i % 50 === 49) host.threads.settle();
    }
    expect(host.adapter.hardware.age(1)).toBeLessThanOrEqual(8191);
    expect(received(app)).toBe(20_000);
  });

  it('§4.10 rule 6, §6.4 rule 5: refuses frames that a VM sends from an address that is not its own', async () => {
    const host = await InlineHost.create();
    const app = await host.addVm('app', APP);
    const web = await host.addVm('web', { ...WEB, workload: sender(APP.ipv4) });
    for (let i = 0; i < 100; i++) host.threads.round();
    // The guest claims another address from now on.
    host.memory.setU32(web.memory + G_BASE + G_NICS + GN_MAC_LOW, 0x015e_0002);
    for (let i = 0; i < 10; i++) host.threads.round();
    const before = received(app);
    for (let i = 0; i < 100; i++) host.threads.round();
    const report = host.conservation();
    expect(report.dropped['source-mac-refused']).toBeGreaterThan(5);
    expect(received(app)).toBe(before);
    expect(report.holds).toBe(true);
  });

  it.each([
    [
      'an address beyond its memory',
      (vm: VirtualMachine, host: InlineHost) => {
        host.memory.setU32(
          vm.memory + host.memory.getU32((vm.ports[0]?.block ?? 0) + N_RX_DESC),
          0xffff_f000,
        );
      },
    ],
    [
      'a length that wraps around',
      (vm: VirtualMachine, host: InlineHost) => {
        host.memory.setU32(
          vm.memory + host.memory.getU32((vm.ports[0]?.block ?? 0) + N_RX_DESC) + 8,
          0xffff_ffff,
        );
      },
    ],
    [
      'a buffer that is too short',
      (vm: VirtualMachine, host: InlineHost) => {
        host.memory.setU32(
          vm.memory + host.memory.getU32((vm.ports[0]?.block ?? 0) + N_RX_DESC) + 8,
          100,
        );
      },
    ],
    [
      'a chained descriptor',
      (vm: VirtualMachine, host: InlineHost) => {
        host.memory.setU32(
          vm.memory + host.memory.getU32((vm.ports[0]?.block ?? 0) + N_RX_DESC) + 12,
          3,
        );
      },
    ],
  ])('writes nothing outside a guest that posts %s, and goes on', async (_, damage) => {
    const host = await InlineHost.create({ bufferMode: 'host-buffers' });
    const web = await host.addVm('web', WEB);
    const app = await host.addVm('app', APP);
    damage(web, host);
    for (let i = 0; i < 10; i++) host.receive(frame(WEB.mac, '02:00:5e:cc:00:01', 10));
    for (let i = 0; i < 10; i++) host.receive(frame(APP.mac, '02:00:5e:cc:00:01', 10));
    host.threads.settle();
    expect([received(web), received(app)]).toEqual([9, 10]);
    expect(host.conservation()).toMatchObject({ holds: true, dropped: { 'bad-descriptor': 1 } });
  });

  it('takes a port down whose guest claims more buffers than its ring has', async () => {
    const host = await InlineHost.create();
    const web = await host.addVm('web', WEB);
    const app = await host.addVm('app', APP);
    const block = web.ports[0]?.block ?? 0;
    host.memory.u16[(web.memory + host.memory.getU32(block + N_TX_AVAIL) + 2) / 2] = 40_000;
    host.kernel.kick(block);
    host.threads.settle();
    host.receive(frame(WEB.mac, '02:00:5e:cc:00:01', 10));
    host.receive(frame(APP.mac, '02:00:5e:cc:00:01', 10));
    host.threads.settle();
    expect(received(app)).toBe(1);
    expect(web.ports[0]?.state).toBe(0);
  });
});
