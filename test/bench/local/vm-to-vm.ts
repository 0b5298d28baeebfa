/** Frames from one VM to another of the same host, against the wire to one VM; and fan-out of flooded frames to 16 VMs. */
import type { Bench, BenchContext } from '../bench';
import { compare, type Measurement, type Side } from '../comparison';
import { BenchHost, vmMac } from '../engine/bench-host';
import { ReceiveRate, sleep } from '../engine/receive-rate';

const FRAME_SIZES = [64, 512, 1500] as const;
const SENDER_FRAMES_PER_SECOND = 2_000_000;
const RECEIVER_IPV4 = '10.0.0.2';
const SENDER_IPV4 = '10.0.0.1';
const VLAN = 10;
const FAN_OUT = 16;
const NOBODY = '02:00:5e:ff:ff:ff';

export const vmToVmBench: Bench = {
  name: 'vm-to-vm',
  title: 'one VM to another of the same host, against the wire to one VM',
  run: async function* (context: BenchContext) {
    for (const frameBytes of FRAME_SIZES) {
      const host = await BenchHost.open({ memoryMiB: 256 });
      try {
        const [sender, receiver] = [vmMac(0), vmMac(1)];
        await host.addVm({ id: 'receiver', mac: receiver, vlan: VLAN, ipv4: RECEIVER_IPV4 });
        await host.addVm({
          id: 'sender',
          mac: sender,
          vlan: VLAN,
          ipv4: SENDER_IPV4,
          workload: {
            kind: 'sender',
            destinationIpv4: RECEIVER_IPV4,
            framesPerSecond: SENDER_FRAMES_PER_SECOND,
            frameBytes,
          },
        });
        await host.stopVm('sender');
        const targets = [{ mac: receiver, vlan: VLAN }];
        await host.addGenerator({ id: 'traffic', targets, frameBytes: frameBytes + 4 });
        yield await compare(
          {
            name: 'vm-to-vm',
            case: 'one sender, one receiver',
            frameBytes,
            unit: 'frames/s',
            ours: new FromSender(host),
            peer: new ReceiveRate('wire to one VM', host, 'traffic'),
          },
          context,
        );
      } finally {
        await host.close();
      }
    }
  },
};

/** Runs the sending VM for the time of the measurement. */
class FromSender implements Side {
  readonly name = 'VM to VM';
  readonly #host: BenchHost;

  constructor(host: BenchHost) {
    this.#host = host;
  }

  async measure(seconds: number): Promise<Measurement> {
    const host = this.#host;
    await host.startVm('sender');
    await sleep(50);
    const before = await received(host);
    const start = performance.now();
    await sleep(seconds * 1000);
    const frames = (await received(host)) - before;
    const elapsed = (performance.now() - start) / 1000;
    await host.stopVm('sender');
    return { value: frames / elapsed, conserved: await host.drain() };
  }
}

async function received(host: BenchHost): Promise<number> {
  const { vms } = await host.report();
  return vms.find(({ vmId }) => vmId === 'receiver')?.framesDelivered ?? 0;
}

export const broadcastBench: Bench = {
  name: 'broadcast',
  title: 'flooded frames to 16 VMs, against one VM; frames delivered, copies counted',
  run: async function* (context: BenchContext) {
    const many = await floodedHost(FAN_OUT);
    const one = await floodedHost(1);
    try {
      for (const frameBytes of FRAME_SIZES) {
        for (const host of [many, one])
          await host.addGenerator({
            id: 'traffic',
            targets: [{ mac: NOBODY, vlan: VLAN }],
            frameBytes: frameBytes + 4,
          });
        const before = await floodCounts(many);
        const result = await compare(
          {
            name: 'broadcast',
            case: `fan-out to ${FAN_OUT} VMs`,
            frameBytes,
            unit: 'frames/s delivered',
            ours: new ReceiveRate(`${FAN_OUT} VMs`, many, 'traffic'),
            peer: new ReceiveRate('one VM', one, 'traffic'),
          },
          context,
        );
        const after = await floodCounts(many);
        const copiesPerFrame = (after.copies - before.copies) / (after.frames - before.frames);
        yield { ...result, figures: { copiesPerFloodedFrame: copiesPerFrame } };
        for (const host of [many, one]) await host.removeGenerator('traffic');
      }
    } finally {
      await many.close();
      await one.close();
    }
  },
};

/** Frames that were flooded, and the further copies of them. */
async function floodCounts(host: BenchHost): Promise<{ frames: number; copies: number }> {
  const { switches, conservation } = await host.report();
  const frames = switches.reduce((sum, { flooded }) => sum + flooded, 0);
  return { frames, copies: conservation.copiesMade };
}

async function floodedHost(vms: number): Promise<BenchHost> {
  const host = await BenchHost.open({ memoryMiB: 256 + 24 * vms });
  for (let i = 0; i < vms; i++) await host.addVm({ id: `vm-${i}`, mac: vmMac(i), vlan: VLAN });
  return host;
}
