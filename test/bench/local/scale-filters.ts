/** Filter tables of 64 to 16,384 filters against 16: half of the frames hit one of them, evenly, half hit none. */
import { isWanted, type Bench, type BenchContext } from '../bench';
import { compare, type Measurement, type Side } from '../comparison';
import { BenchHost, vmMac } from '../engine/bench-host';
import { sleep } from '../engine/receive-rate';
import { WireReplayer } from '../engine/wire-replayer';
import { buildFilterTable, setFilterTable } from '../../../src/engine/adapter/filter-table';
import { macFilter } from '../../../src/engine/ndis/filter-parameters';
import type { ReceiveFilter } from '../../../src/engine/ndis/receive-filter';
import { instantiateKernel } from '../../../src/engine/thread/kernel';
import { buildUdpFrame } from '../../../src/engine/wire/udp';
import { parseIpv4Address } from '../../../src/shared/ipv4-address';
import { parseMacAddress } from '../../../src/shared/mac-address';

const BASELINE = 16;
const COUNTS = [64, 1024, 16_384] as const;
const FRAME_SIZES = [64, 512, 1500] as const;
/** Frames of no filter are in a VLAN without a port, where the default queue drops them at once. */
const VLAN_OF_NOBODY = 99;

export const scaleFiltersBench: Bench = {
  name: 'scale-filters',
  title: 'filter tables of 64 to 16,384 filters, against 16; half hits, half misses',
  run: async function* (context: BenchContext) {
    for (const count of COUNTS) {
      const name = `${count} filters`;
      if (!isWanted(context, name)) continue;
      for (const frameBytes of FRAME_SIZES) {
        const [many, few] = [
          await FilteredRate.open(name, count, frameBytes),
          await FilteredRate.open(`${BASELINE} filters`, BASELINE, frameBytes),
        ];
        try {
          yield await compare(
            {
              name: 'scale-filters',
              case: name,
              frameBytes,
              unit: 'frames/s',
              ours: many,
              peer: few,
              figures: () => ({
                adapterCpuNsPerFrame: many.adapterNsPerFrame,
                adapterCpuNsPerFrameOfPeer: few.adapterNsPerFrame,
              }),
            },
            context,
          );
        } finally {
          await many.close();
          await few.close();
        }
      }
    }
  },
};

/** One VM whose queue has all the filters. */
class FilteredRate implements Side {
  readonly name: string;
  /** CPU time of the adapter thread for a frame it took, of the last measurement. */
  adapterNsPerFrame = 0;
  readonly #host: BenchHost;
  readonly #wire: WireReplayer;

  static async open(name: string, count: number, frameBytes: number): Promise<FilteredRate> {
    const host = await BenchHost.open({ memoryMiB: 256 });
    await host.addVm({ id: 'vm-0', mac: vmMac(0) });
    setFilters(host, count);
    const wire = WireReplayer.plug(host, frameBytes, (index) => frameAt(index, count, frameBytes));
    return new FilteredRate(name, host, wire);
  }

  private constructor(name: string, host: BenchHost, wire: WireReplayer) {
    this.name = name;
    this.#host = host;
    this.#wire = wire;
  }

  async measure(seconds: number): Promise<Measurement> {
    const host = this.#host;
    this.#wire.start();
    await sleep(50);
    const before = await this.#counts();
    const start = performance.now();
    await sleep(seconds * 1000);
    const after = await this.#counts();
    const elapsed = (performance.now() - start) / 1000;
    await this.#wire.stop();
    const conserved = await host.drain();
    this.adapterNsPerFrame = (after.adapterNs - before.adapterNs) / (after.taken - before.taken);
    return { value: (after.handled - before.handled) / elapsed, conserved };
  }

  async close(): Promise<void> {
    await this.#wire.close();
    await this.#host.close();
  }

  /** Frames that the adapter took, and those of them that were not lost for want of a buffer. */
  async #counts(): Promise<{ taken: number; handled: number; adapterNs: number }> {
    const { conservation } = await this.#host.report();
    const misses = conservation.dropped['no-port-in-vlan'] ?? 0;
    return {
      taken: conservation.entered.fromWire,
      handled: conservation.delivered.toVms + misses,
      adapterNs: this.#host.threadTimes('adapter').cpuNs,
    };
  }
}

/** Points the adapter at a table of the benchmark's own, before any frame is there. */
function setFilters(host: BenchHost, count: number): void {
  const adapter = host.starts.find(({ role }) => role === 'adapter');
  const queueId = host.snapshot().queues.find(({ vmId }) => vmId === 'vm-0')?.queueId;
  if (adapter === undefined || queueId === undefined) throw new Error('the VM has no queue');
  const { memory } = host;
  const filters = Array.from({ length: count }, (_, i): ReceiveFilter => {
    const mac = parseMacAddress(vmMac(i));
    const parameters = macFilter(queueId, mac, null);
    return {
      filterId: i + 1,
      queueId,
      mac,
      vlan: 'untagged-or-zero',
      stripsTag: false,
      parameters,
    };
  });
  const kernel = instantiateKernel(adapter.module, memory.memory);
  const { table, mask, macOnly } = buildFilterTable(memory, kernel, filters);
  setFilterTable(memory, adapter.block, table, mask, macOnly);
}

/** Even places hit a filter, in an order that jumps about the table; odd ones miss. */
function frameAt(index: number, count: number, frameBytes: number): Uint8Array {
  const bytes = new Uint8Array(2048);
  const number = (Math.imul(index, 0x9e3779b1) >>> 8) % count;
  const isHit = index % 2 === 0;
  const destination = isHit ? vmMac(number) : vmMac(number).replace('02:00', '06:00');
  const tagBytes = isHit ? 0 : 4;
  const length = buildUdpFrame(
    bytes,
    0,
    {
      destination: parseMacAddress(destination),
      source: parseMacAddress('02:00:5e:fe:00:03'),
      ...(isHit ? {} : { vlan: { vlanId: VLAN_OF_NOBODY } }),
    },
    { source: parseIpv4Address('192.0.2.2'), destination: parseIpv4Address('192.0.2.1') },
    { sourcePort: 5000, destinationPort: 9, payload: new Uint8Array(frameBytes - 42 - tagBytes) },
  );
  return bytes.slice(0, length);
}
