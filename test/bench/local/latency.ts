/**
 * From the wire to the published used index, of every frame of an even stream. The published figure
 * of a driver in JavaScript stands as the peer: p99.9 of 159 microseconds at 1 M frames/s.
 */
import { isWanted, type Bench, type BenchContext } from '../bench';
import { compare, type Measurement, type Side } from '../comparison';
import { BenchHost, vmMac } from '../engine/bench-host';
import { WireProber } from '../engine/wire-prober';
import { quantile } from '../spread';

/** The prober never sleeps: it gets processor 0, the engine processor 1. */
const PROBER_PROCESSOR = 0;
const FRAME_BYTES = 64;
const PUBLISHED_MICROSECONDS = 159;
const CASES = [
  { name: '100 frames/s, idle to awake', framesPerSecond: 100 },
  { name: '10 k frames/s', framesPerSecond: 10_000 },
  { name: '100 k frames/s', framesPerSecond: 100_000 },
  { name: '1 M frames/s', framesPerSecond: 1_000_000 },
] as const;

export const latencyBench: Bench = {
  name: 'latency',
  title: 'wire to used index, p99.9 in microseconds',
  run: async function* (context: BenchContext) {
    const host = await BenchHost.open({ memoryMiB: 256, placement: () => 1 });
    let prober: WireProber | undefined;
    try {
      const mac = vmMac(0);
      await host.addVm({ id: 'vm-0', mac });
      await host.addGenerator({ id: 'wire', targets: [{ mac }], frameBytes: FRAME_BYTES });
      prober = WireProber.start(host, mac, FRAME_BYTES, PROBER_PROCESSOR);
      for (const { name, framesPerSecond } of CASES) {
        if (!isWanted(context, name)) continue;
        const ours = new Latency(host, prober, framesPerSecond);
        yield await compare(
          {
            name: 'latency',
            case: name,
            frameBytes: FRAME_BYTES,
            unit: 'microseconds (p99.9)',
            ours,
            peer: PUBLISHED,
            figures: () => ours.figures,
          },
          context,
        );
      }
    } finally {
      await prober?.close();
      await host.close();
    }
  },
};

const PUBLISHED: Side = {
  name: 'published figure of a JavaScript driver, 1 M frames/s',
  measure: () => Promise.resolve({ value: PUBLISHED_MICROSECONDS, conserved: true }),
};

class Latency implements Side {
  readonly name = 'ours';
  figures: Record<string, number> = {};
  readonly #host: BenchHost;
  readonly #prober: WireProber;
  readonly #framesPerSecond: number;

  constructor(host: BenchHost, prober: WireProber, framesPerSecond: number) {
    this.#host = host;
    this.#prober = prober;
    this.#framesPerSecond = framesPerSecond;
  }

  async measure(seconds: number): Promise<Measurement> {
    const order = { framesPerSecond: this.#framesPerSecond, seconds };
    const { sent, arrived, refused, latenciesNs } = await this.#prober.probe(order);
    const conserved = await this.#host.drain();
    const sorted = latenciesNs.sort();
    const at = (fraction: number): number => quantile(sorted, fraction) / 1000;
    this.figures = {
      p50: at(0.5),
      p90: at(0.9),
      p99: at(0.99),
      'p99.9': at(0.999),
      max: at(1),
      framesPerSecond: sent / seconds,
      lost: sent - arrived,
      refusedByWire: refused,
    };
    return { value: at(0.999), conserved };
  }
}
