/** The wire to an embedded guest, against DPDK's vhost into virtio-user: one VM, two processors. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Bench, BenchContext } from '../bench';
import { compare } from '../comparison';
import { BenchHost, vmMac } from '../engine/bench-host';
import { ReceiveRate } from '../engine/receive-rate';
import { onExit } from '../exit-hooks';
import { PathRate } from './path-rate';
import { absent } from './peer-cache';
import { hasTestpmd, Testpmd } from './testpmd';

const FRAME_SIZES = [64, 512, 1500] as const;

export const vsDpdkBench: Bench = {
  name: 'vs-dpdk',
  title: 'wire to embedded guest, against testpmd over vhost into virtio-user',
  run: async function* (context: BenchContext) {
    if (!hasTestpmd()) {
      context.log(absent('vs-dpdk', 'testpmd'));
      return;
    }
    const folder = mkdtempSync(join(tmpdir(), 'vmq-bench-dpdk-'));
    const removeFolder = onExit(() => rmSync(folder, { recursive: true, force: true }));
    const socket = join(folder, 'vhost.sock');
    const ends: Testpmd[] = [];
    const host = await BenchHost.open({ memoryMiB: 256 });
    try {
      const sender = await Testpmd.start({
        name: 'tx',
        device: `net_vhost0,iface=${socket},queues=1`,
        role: 'txonly',
        processor: 0,
      });
      ends.push(sender);
      const receiver = await Testpmd.start({
        name: 'rx',
        device: `net_virtio_user0,path=${socket},queues=1,queue_size=1024`,
        role: 'rxonly',
        processor: 1,
      });
      ends.push(receiver);
      await host.addVm({ id: 'vm-0', mac: vmMac(0), memoryMiB: 64 });
      for (const frameBytes of FRAME_SIZES) {
        await sender.setFrameBytes(frameBytes);
        await host.addGenerator({ id: 'traffic', targets: [{ mac: vmMac(0) }], frameBytes });
        const ours = new ReceiveRate('wire to guest', host, 'traffic');
        yield await compare(
          {
            name: 'vs-dpdk',
            case: 'one VM',
            frameBytes,
            unit: 'frames/s',
            ours,
            peer: new PathRate('testpmd vhost to virtio-user', sender, receiver, true),
            figures: () => ours.shares,
          },
          context,
        );
        await host.removeGenerator('traffic');
      }
    } finally {
      await host.close();
      for (const end of ends.reverse()) await end.end();
      removeFolder();
    }
  },
};
