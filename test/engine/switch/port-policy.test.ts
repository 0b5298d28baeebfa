/** Ports with a content policy: what a VM may not send, and from whom it gets nothing, not even in its memory. */
import { describe, expect, it } from 'vitest';
import type { NicConfig } from '../../../src/contract/model';
import {
  N_MEMORY,
  N_TX_AVAIL,
  N_TX_DESC,
  N_TX_LAST_AVAIL,
  N_TX_SIZE,
  VIRTIO_NET_HEADER,
} from '../../../src/engine/kernel/layout';
import type { VirtualMachine } from '../../../src/engine/vm/virtual-machine';
import { InlineHost } from '../../support/inline-host';
import { stampedFrame } from '../../support/stamped-frames';
import { portOf } from '../../support/traffic';

const WEB = { mac: '02:00:5e:10:00:01', vlan: 10, ipv4: '10.0.10.11' };
const APP = { mac: '02:00:5e:10:00:02', vlan: 10, ipv4: '10.0.10.12' };
/** Sender of stamped frames. */
const CLIENT_MAC = '02:00:5e:cc:00:01';
const CLIENT_IPV4 = '10.0.0.99';
const UDP_SOURCE_PORT = 14 + 20;

const policy = (part: Partial<NonNullable<NicConfig['policy']>>) => ({
  dhcpGuard: false,
  denyMacs: [],
  denyIpv4: [],
  ...part,
});

const received = (vm: VirtualMachine): number => portOf(vm).counters().rxFrames;

/** Rewrites what a guest has posted and the host has not taken yet. Returns frames rewritten. */
function rewriteSends(
  host: InlineHost,
  vm: VirtualMachine,
  rewrite: (frame: Uint8Array) => void,
): number {
  const { memory } = host;
  const field = (offset: number): number => memory.getU32(portOf(vm).block + offset);
  const base = field(N_MEMORY);
  const avail = base + field(N_TX_AVAIL);
  const posted = memory.u16[(avail + 2) / 2] ?? 0;
  let frames = 0;
  for (let at = field(N_TX_LAST_AVAIL); (at & 0xffff) !== posted; at++, frames++) {
    const head = memory.u16[(avail + 4 + (at & (field(N_TX_SIZE) - 1)) * 2) / 2] ?? 0;
    const address = base + memory.getU32(base + field(N_TX_DESC) + head * 16) + VIRTIO_NET_HEADER;
    rewrite(memory.u8.subarray(address, address + 1514));
  }
  return frames;
}

describe('a DHCP guard', () => {
  /** A guarded VM that sends to the other one, and what comes of frames that look like this. */
  async function sendAs(rewrite: (frame: Uint8Array) => void, dhcpGuard = true) {
    const host = await InlineHost.create();
    const web = await host.addVm('web', WEB);
    const app = await host.addVm('app', {
      ...APP,
      policy: policy({ dhcpGuard, denyMacs: ['02:00:5e:99:00:01'] }),
      workload: {
        kind: 'sender',
        destinationIpv4: WEB.ipv4,
        framesPerSecond: 100_000,
        frameBytes: 100,
      },
    });
    for (let i = 0; i < 100; i++) host.threads.round();
    // What was sent before it is rewritten.
    for (let i = 0; i < 5; i++)
      host.threads.round((threads) => threads.filter(({ start }) => start.role !== 'vcpu'));
    const before = received(web);
    let rewritten = 0;
    for (let i = 0; i < 50; i++) {
      host.threads.round((threads) => threads.filter(({ start }) => start.role === 'vcpu'));
      rewritten += rewriteSends(host, app, rewrite);
      host.threads.round((threads) => threads.filter(({ start }) => start.role !== 'vcpu'));
    }
    const { dropped, holds } = host.conservation();
    expect(holds).toBe(true);
    expect(rewritten).toBeGreaterThan(10);
    return { given: received(web) - before, rewritten, dropped };
  }

  const setPort = (at: number, port: number) => (frame: Uint8Array) => {
    new DataView(frame.buffer, frame.byteOffset).setUint16(at, port);
  };

  it('drops what the VM sends from the port of a DHCP server, and nothing else', async () => {
    const guarded = await sendAs(setPort(UDP_SOURCE_PORT, 67));
    expect(guarded.dropped).toEqual({ 'dhcp-guard': guarded.rewritten });
    expect(guarded.given).toBe(0);
    const client = await sendAs(setPort(UDP_SOURCE_PORT, 68));
    expect(client.dropped).toEqual({});
    expect(client.given).toBeGreaterThan(10);
    const toServer = await sendAs(setPort(UDP_SOURCE_PORT + 2, 67));
    expect(toServer.dropped).toEqual({});
  });

  it('looks behind IPv4 options', async () => {
    const { dropped, rewritten } = await sendAs((frame) => {
      frame[14] = 0x46;
      setPort(14 + 24, 67)(frame);
    });
    expect(dropped).toEqual({ 'dhcp-guard': rewritten });
  });

  it('knows DHCPv6 servers too', async () => {
    const { dropped, rewritten } = await sendAs((frame) => {
      frame.set([0x86, 0xdd], 12);
      frame[20] = 17;
      setPort(14 + 40, 547)(frame);
    });
    expect(dropped).toEqual({ 'dhcp-guard': rewritten });
  });

  it('does nothing when it is off', async () => {
    const { dropped } = await sendAs(setPort(UDP_SOURCE_PORT, 67), false);
    expect(dropped).toEqual({});
  });
});

const DENIED: readonly (readonly [string, NonNullable<NicConfig['policy']>])[] = [
  ['MAC address', policy({ denyMacs: ['02:00:5e:99:00:01', CLIENT_MAC] })],
  ['IPv4 address', policy({ denyIpv4: ['10.9.9.9', CLIENT_IPV4] })],
];

const MARKER = [0xde, 0xad, 0xfa, 0xce, 0x5a, 0xa5, 0xc0, 0xde];

function hasMarker(host: InlineHost, vm: VirtualMachine): boolean {
  const memory = host.memory.u8.subarray(vm.memory, vm.memory + vm.memoryBytes);
  for (let at = memory.indexOf(0xde); at >= 0; at = memory.indexOf(0xde, at + 1))
    if (MARKER.every((octet, index) => memory[at + index] === octet)) return true;
  return false;
}

describe.each(DENIED)('a denied sender, by %s', (_, denied) => {
  it.each([{ mode: 'automatic' }, { mode: 'none' }] as const)(
    'is not seen by the VM, not even in its memory, with queue %o',
    async (queue) => {
      const host = await InlineHost.create({ bufferMode: 'shared-memory' });
      const web = await host.addVm('web', { ...WEB, queue, policy: denied });
      const app = await host.addVm('app', { ...APP, queue });
      for (const target of [WEB, APP]) {
        const frame = stampedFrame(target, 1, 400);
        for (let at = 60; at + 8 < frame.length; at += 8) frame.set(MARKER, at);
        host.receive(frame);
      }
      host.threads.settle();
      expect([received(web), received(app)]).toEqual([0, 1]);
      expect([hasMarker(host, web), hasMarker(host, app)]).toEqual([false, true]);
      expect(host.conservation()).toMatchObject({ holds: true, dropped: { 'sender-denied': 1 } });
    },
  );

  it('is denied in a broadcast for this port alone', async () => {
    const host = await InlineHost.create();
    const web = await host.addVm('web', { ...WEB, policy: denied });
    const app = await host.addVm('app', APP);
    const frame = stampedFrame(WEB, 1);
    frame.fill(0xff, 0, 6);
    host.receive(frame);
    host.threads.settle();
    expect([received(web), received(app)]).toEqual([0, 1]);
    expect(host.conservation()).toMatchObject({
      holds: true,
      copiesMade: 1,
      dropped: { 'sender-denied': 1 },
    });
  });
});

describe('a port with a policy', () => {
  it('gets host buffers although shared memory is wanted, and says why', async () => {
    const host = await InlineHost.create({ bufferMode: 'shared-memory' });
    await host.addVm('web', {
      ...WEB,
      policy: policy({ dhcpGuard: true, denyIpv4: ['10.9.9.9'] }),
    });
    await host.addVm('app', { ...APP, policy: policy({}) });
    const { adapter } = host;
    expect([1, 2].map((id) => adapter.miniport.modeOf(id))).toEqual([
      'host-buffers',
      'shared-memory',
    ]);
    expect(adapter.switch.bufferModeReason(1, 'host-buffers')).toBe(
      'Its port has a policy (DHCP guard, 1 denied sender): each frame is looked at in host memory before the VM can see it.',
    );
    expect(adapter.switch.bufferModeReason(2, 'shared-memory')).toBe('');
  });

  it('lets VMs of the host through that it does not deny, and keeps out one that it does', async () => {
    const host = await InlineHost.create();
    const web = await host.addVm('web', { ...WEB, policy: policy({ denyIpv4: [APP.ipv4] }) });
    const app = await host.addVm('app', {
      ...APP,
      workload: {
        kind: 'sender',
        destinationIpv4: WEB.ipv4,
        framesPerSecond: 100_000,
        frameBytes: 100,
      },
    });
    for (let i = 0; i < 200; i++) host.threads.round();
    // Its ARP request names the denied address too, so it never learns where to send.
    expect(app.snapshot().guest.sentFrames).toBe(0);
    expect([received(web), host.conservation().dropped]).toEqual([0, { 'sender-denied': 1 }]);
  });
});
