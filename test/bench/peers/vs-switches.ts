/**
 * The wire to an embedded guest, against software switches between a sending and a receiving
 * `testpmd`: on packet sockets for those that need devices of the kernel, on vhost for Open vSwitch
 * with DPDK. Sender on processor 0, receiver on processor 1; the switch runs where it is put.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Bench, BenchContext } from '../bench';
import { hasProgram, startChild, waitUntil } from '../child';
import { compare } from '../comparison';
import { BenchHost, vmMac } from '../engine/bench-host';
import { ReceiveRate } from '../engine/receive-rate';
import { onExit } from '../exit-hooks';
import type { BenchResult } from '../result';
import { canMakeDevices, deviceName, deviceUp, makeBridge, makeVeth } from './network-devices';
import { hasOpenVswitch, hasOpenVswitchDpdk, OpenVswitch } from './open-vswitch';
import { PathRate, type Pausable } from './path-rate';
import { absent } from './peer-cache';
import { hasTestpmd, Testpmd, TESTPMD_DESTINATION } from './testpmd';

const FRAME_SIZES = [64, 512, 1500] as const;
const [SENDER_PROCESSOR, RECEIVER_PROCESSOR] = [0, 1];

/** A switch that is set up, with a device for each end as testpmd takes it. */
interface Switched {
  readonly sender: string;
  readonly receiver: string;
  readonly remove: () => Promise<void>;
  /** Itself, where it polls. */
  readonly polling?: Pausable;
}

interface SwitchPeer {
  readonly bench: string;
  readonly title: string;
  readonly peerName: string;
  /** What is missing, or undefined. */
  readonly missing: () => string | undefined;
  readonly setUp: () => Promise<Switched>;
  /** Whether it loses no frame that the sender counts. */
  readonly isLossless: boolean;
}

function packetSocket(device: string): string {
  return `net_af_packet0,iface=${device}`;
}

function missingFor(what: string, isThere: boolean): string | undefined {
  if (!hasTestpmd()) return 'testpmd';
  return canMakeDevices() ? (isThere ? undefined : what) : 'the right to make network devices';
}

const BRIDGE: SwitchPeer = {
  bench: 'vs-bridge',
  title: 'wire to embedded guest, against a Linux bridge between veth devices',
  peerName: 'Linux bridge and veth',
  missing: () => missingFor('', true),
  setUp: () => {
    const [one, other] = [makeVeth('a'), makeVeth('b')];
    const removeBridge = makeBridge([one.inside, other.inside]);
    return Promise.resolve({
      sender: packetSocket(one.outside),
      receiver: packetSocket(other.outside),
      remove: () => {
        for (const undo of [removeBridge, one.remove, other.remove]) undo();
        return Promise.resolve();
      },
    });
  },
  isLossless: false,
};

const OVS: SwitchPeer = {
  bench: 'vs-ovs',
  title: 'wire to embedded guest, against Open vSwitch in user space between veth devices',
  peerName: 'Open vSwitch, userspace datapath on veth',
  missing: () => missingFor('Open vSwitch', hasOpenVswitch()),
  setUp: async () => {
    const [one, other] = [makeVeth('a'), makeVeth('b')];
    const ovs = await OpenVswitch.start();
    for (const { inside } of [one, other]) ovs.addDevice(inside);
    ovs.forward(TESTPMD_DESTINATION, other.inside);
    return {
      sender: packetSocket(one.outside),
      receiver: packetSocket(other.outside),
      remove: async () => {
        await ovs.end();
        for (const { remove } of [one, other]) remove();
      },
    };
  },
  isLossless: false,
};

const VDE: SwitchPeer = {
  bench: 'vs-vde',
  title: 'wire to embedded guest, against vde_switch between two taps',
  peerName: 'vde_switch with two taps',
  missing: () => missingFor('vde_switch', hasProgram('vde_switch')),
  setUp: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vmq-bench-vde-'));
    const removeFolder = onExit(() => rmSync(folder, { recursive: true, force: true }));
    const [one, other] = [deviceName('t0'), deviceName('t1')];
    const vde = startChild('vde_switch', ['-s', join(folder, 'ctl'), '-t', one, '-t', other]);
    for (const device of [one, other])
      await waitUntil(`vde_switch to make ${device}`, () => isUp(device));
    return {
      sender: packetSocket(one),
      receiver: packetSocket(other),
      remove: async () => {
        await vde.end();
        removeFolder();
      },
    };
  },
  isLossless: false,
};

const OVS_DPDK: SwitchPeer = {
  bench: 'vs-ovs-dpdk',
  title: 'wire to embedded guest, against Open vSwitch with DPDK between vhost ports',
  peerName: 'Open vSwitch with DPDK, vhost',
  missing: () =>
    hasTestpmd() && hasOpenVswitchDpdk() ? undefined : 'Open vSwitch with DPDK, or testpmd,',
  setUp: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vmq-bench-vhost-'));
    const removeFolder = onExit(() => rmSync(folder, { recursive: true, force: true }));
    const sockets = { sender: join(folder, 'tx.sock'), receiver: join(folder, 'rx.sock') };
    const ovs = await OpenVswitch.start({ processor: RECEIVER_PROCESSOR });
    const end = (socket: string): string =>
      `net_virtio_user0,path=${socket},server=1,queues=1,queue_size=1024`;
    ovs.addVhost('tx', sockets.sender);
    ovs.addVhost('rx', sockets.receiver);
    ovs.forward(TESTPMD_DESTINATION, 'rx');
    return {
      polling: ovs,
      sender: end(sockets.sender),
      receiver: end(sockets.receiver),
      remove: async () => {
        await ovs.end();
        removeFolder();
      },
    };
  },
  isLossless: false,
};

function isUp(device: string): boolean {
  try {
    deviceUp(device);
    return true;
  } catch {
    return false;
  }
}

function benchOf(peer: SwitchPeer): Bench {
  return {
    name: peer.bench,
    title: peer.title,
    run: async function* (context: BenchContext) {
      const missing = peer.missing();
      if (missing !== undefined) {
        context.log(absent(peer.bench, missing));
        return;
      }
      const switched = await peer.setUp();
      const ends: Testpmd[] = [];
      try {
        const name = peer.bench;
        ends.push(
          await Testpmd.start({
            name: `${name}-tx`,
            device: switched.sender,
            role: 'txonly',
            processor: SENDER_PROCESSOR,
          }),
          await Testpmd.start({
            name: `${name}-rx`,
            device: switched.receiver,
            role: 'rxonly',
            processor: RECEIVER_PROCESSOR,
          }),
        );
        const [sender, receiver] = ends;
        if (sender && receiver) yield* compareWith(peer, switched, [sender, receiver], context);
      } finally {
        switched.polling?.resume();
        for (const end of ends.reverse()) await end.end();
        await switched.remove();
      }
    },
  };
}

async function* compareWith(
  peer: SwitchPeer,
  switched: Switched,
  [sender, receiver]: readonly [Testpmd, Testpmd],
  context: BenchContext,
): AsyncGenerator<BenchResult, void, undefined> {
  const host = await BenchHost.open({ memoryMiB: 256 });
  try {
    await host.addVm({ id: 'vm-0', mac: vmMac(0), memoryMiB: 64 });
    for (const frameBytes of FRAME_SIZES) {
      switched.polling?.resume();
      await sender.setFrameBytes(frameBytes);
      await host.addGenerator({ id: 'traffic', targets: [{ mac: vmMac(0) }], frameBytes });
      const ours = new ReceiveRate('wire to guest', host, 'traffic');
      yield await compare(
        {
          name: peer.bench,
          case: 'one VM',
          frameBytes,
          unit: 'frames/s',
          ours,
          peer: new PathRate(peer.peerName, sender, receiver, peer.isLossless, switched.polling),
          figures: () => ours.shares,
        },
        context,
      );
      await host.removeGenerator('traffic');
    }
  } finally {
    await host.close();
  }
}

export const SWITCH_BENCHES: readonly Bench[] = [OVS, VDE, BRIDGE, OVS_DPDK].map(benchOf);
