/** Growth of the heaps of all engine threads per million frames; against the same time without a frame. */
import type { Bench, BenchContext } from '../bench';
import { compare, type Measurement, type Side } from '../comparison';
import { BenchHost, vmMac } from '../engine/bench-host';
import { sleep } from '../engine/receive-rate';
import { heapBytes } from '../engine/worker-heaps';

const FRAME_BYTES = 64;
const VMS = 2;

export const heapGrowthBench: Bench = {
  name: 'heap-growth',
  title: 'bytes that the heaps of the engine threads grow by per million frames',
  run: async function* (context: BenchContext) {
    const host = await BenchHost.open({ memoryMiB: 256 });
    try {
      const targets = Array.from({ length: VMS }, (_, i) => ({ mac: vmMac(i) }));
      for (const [i, { mac }] of targets.entries()) await host.addVm({ id: `vm-${i}`, mac });
      await host.addGenerator({ id: 'traffic', targets, frameBytes: FRAME_BYTES });
      const ours = new Growth('with traffic', host, true);
      yield await compare(
        {
          name: 'heap-growth',
          case: 'receive path',
          frameBytes: FRAME_BYTES,
          unit: 'bytes in one measurement',
          ours,
          peer: new Growth('without a frame', host, false),
          figures: () => ours.figures(),
        },
        context,
      );
    } finally {
      await host.close();
    }
  },
};

class Growth implements Side {
  readonly name: string;
  readonly #host: BenchHost;
  readonly #hasTraffic: boolean;
  #isWarm = false;
  #frames = 0;
  #bytes = 0;

  constructor(name: string, host: BenchHost, hasTraffic: boolean) {
    this.name = name;
    this.#host = host;
    this.#hasTraffic = hasTraffic;
  }

  /** Over all measurements but the first, in which code was still being compiled. */
  figures(): Record<string, number> {
    const millions = this.#frames / 1e6;
    return { millionFrames: millions, bytesPerMillionFrames: this.#bytes / millions };
  }

  async measure(seconds: number): Promise<Measurement> {
    const host = this.#host;
    const framesBefore = await this.#handled();
    const before = await heapBytes(host.workers);
    if (this.#hasTraffic) await host.startTraffic('traffic');
    await sleep(seconds * 1000);
    if (this.#hasTraffic) await host.stopTraffic('traffic');
    const conserved = await host.drain();
    const grown = (await heapBytes(host.workers)) - before;
    if (this.#isWarm) {
      this.#bytes += grown;
      this.#frames += (await this.#handled()) - framesBefore;
    }
    this.#isWarm = true;
    // At least one byte: there is no ratio to nothing.
    return { value: Math.max(1, grown), conserved };
  }

  async #handled(): Promise<number> {
    return (await this.#host.report()).conservation.entered.fromWire;
  }
}
