/// <reference types="electron-vite/node" />
/** The side of the benchmark of `wire-prober-thread.ts`: latency from the wire to a VM's used index. */
import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';

import { A_IN_WIRES, A_NICS, FRAME_MAX_TAGGED } from '../../../src/engine/kernel/layout';
import { buildUdpFrame } from '../../../src/engine/wire/udp';
import { parseIpv4Address } from '../../../src/shared/ipv4-address';
import { parseMacAddress } from '../../../src/shared/mac-address';
import type { BenchHost } from './bench-host';
import type { ProbeOrder, ProbeTimes, ProberStart } from './wire-probe-protocol';
import createProber from './wire-prober-thread?nodeWorker';

export class WireProber {
  readonly #worker: Worker;

  /**
   * Takes over the wire of a stopped generator of the host.
   * @param mac of the VM whose NIC is the host's first
   */
  static start(host: BenchHost, mac: string, frameBytes: number, processor: number): WireProber {
    const adapter = host.starts.find(({ role }) => role === 'adapter');
    if (adapter === undefined) throw new Error('the host has no adapter thread');
    const { memory } = host;
    const scratch = memory.take(FRAME_MAX_TAGGED, 'A probe frame');
    buildUdpFrame(
      memory.u8,
      scratch,
      { destination: parseMacAddress(mac), source: parseMacAddress('02:00:5e:fe:00:02') },
      { source: parseIpv4Address('192.0.2.2'), destination: parseIpv4Address('192.0.2.1') },
      { sourcePort: 5000, destinationPort: 9, payload: new Uint8Array(frameBytes - 42) },
    );
    const start: ProberStart = {
      memory: memory.memory,
      module: adapter.module,
      wire: memory.getU32(adapter.block + A_IN_WIRES),
      nic: memory.getU32(memory.getU32(adapter.block + A_NICS)),
      scratch,
      frameBytes,
      processor,
    };
    return new WireProber(createProber({ workerData: start }));
  }

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  async probe(order: ProbeOrder): Promise<ProbeTimes> {
    const answered = once(this.#worker, 'message');
    this.#worker.postMessage(order);
    // The answer of its own thread, of the same build.
    return (await answered)[0] as ProbeTimes;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
