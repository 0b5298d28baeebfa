/** One adapter, eight queues and their guests on two processors, against one queue: no collapse, and nobody is starved. */
import type { Bench, BenchContext } from '../bench';
import { compare } from '../comparison';
import { BenchHost, vmMac } from '../engine/bench-host';
import { ReceiveRate } from '../engine/receive-rate';

const QUEUES = 8;
const FRAME_SIZES = [64, 512, 1500] as const;

export const oversubscribedBench: Bench = {
  name: 'oversubscribed',
  title: 'adapter, eight queues and guests on two processors, against one queue',
  run: async function* (context: BenchContext) {
    // Where the product puts them: nobody is asked to keep off a processor.
    const many = await BenchHost.open({
      memoryMiB: 512,
      placement: ({ role }) => (role === 'link' ? -1 : undefined),
    });
    const one = await BenchHost.open({ memoryMiB: 256 });
    try {
      const macs = Array.from({ length: QUEUES }, (_, i) => vmMac(i));
      for (const [i, mac] of macs.entries())
        await many.addVm({ id: `vm-${i}`, mac, queue: { mode: 'automatic' } });
      await one.addVm({ id: 'vm-0', mac: vmMac(0) });
      for (const frameBytes of FRAME_SIZES) {
        const targets = macs.map((mac) => ({ mac }));
        await many.addGenerator({ id: 'traffic', targets, frameBytes });
        await one.addGenerator({ id: 'traffic', targets: targets.slice(0, 1), frameBytes });
        const ours = new ReceiveRate('eight queues', many, 'traffic');
        yield await compare(
          {
            name: 'oversubscribed',
            case: 'eight queues',
            frameBytes,
            unit: 'frames/s',
            ours,
            peer: new ReceiveRate('one queue', one, 'traffic'),
            figures: () => ({ ...shareFigures(ours.perVm), ...ours.shares }),
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
  },
};

/** Of the fair share, in percent: what the VM with the least and the one with the most got. */
export function shareFigures(perVm: ReadonlyMap<string, number>): Record<string, number> {
  const frames = [...perVm.values()];
  const fair = frames.reduce((sum, value) => sum + value, 0) / frames.length;
  return {
    leastSharePercent: (Math.min(...frames) / fair) * 100,
    mostSharePercent: (Math.max(...frames) / fair) * 100,
  };
}
