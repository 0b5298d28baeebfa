/** Queues are allocated, filled and freed, 1,000 in ten rounds, while other queues carry traffic; against a quiet host. */
import type { Bench, BenchContext } from '../bench';
import { compare, type Measurement, type Side } from '../comparison';
import { BenchHost, lostFrames, vmMac } from '../engine/bench-host';
import { sleep } from '../engine/receive-rate';

const FRAME_BYTES = 64;
const OTHERS = 4;
const OTHERS_FRAMES_PER_SECOND = 40_000;
const FILL_FRAMES_PER_SECOND = 20_000;
/** With one second for each measurement. */
const QUEUES_PER_SECOND_OF_MEASUREMENT = 100;
/** Its frames must not be flooded to the others while the VM is away. */
const OWN_VLAN = 20;

export const startStopBench: Bench = {
  name: 'start-stop',
  title: 'queues allocated, filled and freed while others carry traffic',
  run: async function* (context: BenchContext) {
    const host = await BenchHost.open({ memoryMiB: 256, placement: () => undefined });
    try {
      const others = Array.from({ length: OTHERS }, (_, i) => ({ mac: vmMac(i) }));
      for (const [i, { mac }] of others.entries())
        await host.addVm({ id: `vm-${i}`, mac, queue: { mode: 'automatic' } });
      const own = { mac: vmMac(OTHERS), vlan: OWN_VLAN };
      await host.addVm({ id: 'churn', ...own, queue: { mode: 'automatic' } });
      await host.stopVm('churn');
      await host.addGenerator({
        id: 'others',
        targets: others,
        frameBytes: FRAME_BYTES,
        framesPerSecond: OTHERS_FRAMES_PER_SECOND,
      });
      await host.addGenerator({
        id: 'fill',
        targets: [own],
        frameBytes: FRAME_BYTES,
        framesPerSecond: FILL_FRAMES_PER_SECOND,
      });
      const lostBefore = lostFrames(await host.report());
      const ours = new Churn('others carry traffic', host, true);
      yield await compare(
        {
          name: 'start-stop',
          case: `beside ${OTHERS} queues with traffic`,
          frameBytes: FRAME_BYTES,
          unit: 'queues/s',
          ours,
          peer: new Churn('a quiet host', host, false),
          figures: () => ({ queuesInAll: ours.queues, lostByOthers: ours.lostByOthers }),
        },
        context,
      );
      context.log(`  frames lost in all: ${lostFrames(await host.report()) - lostBefore}`);
    } finally {
      await host.close();
    }
  },
};

class Churn implements Side {
  readonly name: string;
  queues = 0;
  /** Frames that were sent to the others and did not reach them, over all measurements. */
  lostByOthers = 0;
  readonly #host: BenchHost;
  readonly #hasTraffic: boolean;

  constructor(name: string, host: BenchHost, hasTraffic: boolean) {
    this.name = name;
    this.#host = host;
    this.#hasTraffic = hasTraffic;
  }

  async measure(seconds: number): Promise<Measurement> {
    const host = this.#host;
    const before = await this.#others();
    if (this.#hasTraffic) await host.startTraffic('others');
    await host.startTraffic('fill');
    const cycles = Math.max(1, Math.round(seconds * QUEUES_PER_SECOND_OF_MEASUREMENT));
    const start = performance.now();
    for (let i = 0; i < cycles; i++) {
      await host.startVm('churn');
      await this.#filled();
      await host.stopVm('churn');
    }
    const elapsed = (performance.now() - start) / 1000;
    await host.stopTraffic('fill');
    if (this.#hasTraffic) await host.stopTraffic('others');
    const conserved = await host.drain();
    const after = await this.#others();
    this.queues += cycles;
    this.lostByOthers += after.offered - before.offered - (after.delivered - before.delivered);
    return { value: cycles / elapsed, conserved };
  }

  /** Until the new queue has had frames. */
  async #filled(): Promise<void> {
    const frames = async (): Promise<number> =>
      (await this.#host.report()).vms.find(({ vmId }) => vmId === 'churn')?.framesDelivered ?? 0;
    const before = await frames();
    for (let i = 0; i < 1000 && (await frames()) === before; i++) await sleep(0);
  }

  async #others(): Promise<{ offered: number; delivered: number }> {
    const { links, vms } = await this.#host.report();
    return {
      offered: links.find(({ linkId }) => linkId === 'others')?.frames ?? 0,
      delivered: vms
        .filter(({ vmId }) => vmId !== 'churn')
        .reduce((sum, { framesDelivered }) => sum + framesDelivered, 0),
    };
  }
}
