/** One adapter feeds 4, 16 and 64 VMs with a queue each, against one VM: adapter on one core, the rest on the other. */
import { isWanted, type Bench, type BenchContext } from '../bench';
import { compare } from '../comparison';
import { BenchHost, vmMac } from '../engine/bench-host';
import { ReceiveRate } from '../engine/receive-rate';

const COUNTS = [4, 16, 64] as const;
const FRAME_SIZES = [64, 512, 1500] as const;

export const scaleVmsBench: Bench = {
  name: 'scale-vms',
  title: 'frames delivered to 4, 16 and 64 VMs with a queue each, against one VM',
  run: async function* (context: BenchContext) {
    for (const count of COUNTS) {
      const name = `${count} VMs`;
      if (!isWanted(context, name)) continue;
      const many = await hostWith(count);
      const one = await hostWith(1);
      try {
        for (const frameBytes of FRAME_SIZES) {
          await addTraffic(many, count, frameBytes);
          await addTraffic(one, 1, frameBytes);
          const ours = new ReceiveRate(name, many, 'traffic');
          const peer = new ReceiveRate('1 VM', one, 'traffic');
          yield await compare(
            {
              name: 'scale-vms',
              case: name,
              frameBytes,
              unit: 'frames/s',
              ours,
              peer,
              figures: () => ours.shares,
            },
            context,
          );
          await many.removeGenerator('traffic');
          await one.removeGenerator('traffic');
        }
      } finally {
        await many.close();
        await one.close();
      }
    }
  },
};

async function hostWith(count: number): Promise<BenchHost> {
  const host = await BenchHost.open({ memoryMiB: 256 + 24 * count });
  for (let i = 0; i < count; i++) await host.addVm({ id: `vm-${i}`, mac: vmMac(i) });
  return host;
}

function addTraffic(host: BenchHost, count: number, frameBytes: number): Promise<void> {
  const targets = Array.from({ length: count }, (_, i) => ({ mac: vmMac(i) }));
  return host.addGenerator({ id: 'traffic', targets, frameBytes });
}
