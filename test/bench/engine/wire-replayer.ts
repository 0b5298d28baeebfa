/// <reference types="electron-vite/node" />
/** A wire of the benchmark's own, full of frames of its choice that come round for ever. */
import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';

import {
  A_IN_WIRES,
  MAX_WIRES,
  W_DATA,
  WE_FRAME,
  WE_LENGTH,
  WIRE_WRAP,
} from '../../../src/engine/kernel/layout';
import { createWireRing } from '../../../src/engine/thread/rings';
import type { BenchHost } from './bench-host';
import type { ReplayerStart } from './wire-replay-protocol';
import createReplayer from './wire-replayer-thread?nodeWorker';

const CAPACITY_BYTES = 2 ** 21;

export class WireReplayer {
  /** Frames on the wire at a time. */
  readonly frames: number;
  readonly #worker: Worker;
  readonly #going: Int32Array;

  /**
   * Plugs a wire into the host's adapter and fills it.
   * @param frameAt the frame at a place of the wire; all must have one length
   */
  static plug(
    host: BenchHost,
    frameBytes: number,
    frameAt: (index: number) => Uint8Array,
  ): WireReplayer {
    const adapter = host.starts.find(({ role }) => role === 'adapter');
    if (adapter === undefined) throw new Error('the host has no adapter thread');
    const { memory } = host;
    const wire = createWireRing(memory, CAPACITY_BYTES, adapter.thread);
    const entryBytes = Math.ceil((WE_FRAME + frameBytes) / 16) * 16;
    const frames = Math.floor(CAPACITY_BYTES / entryBytes);
    for (let i = 0; i < frames; i++) {
      const entry = wire + W_DATA + i * entryBytes;
      const frame = frameAt(i);
      if (frame.length !== frameBytes)
        throw new RangeError(`expected a frame of ${frameBytes} bytes, got ${frame.length}`);
      memory.setU32(entry + WE_LENGTH, frameBytes);
      memory.u8.set(frame, entry + WE_FRAME);
    }
    // The kernel's reader goes back to the start here.
    if (frames * entryBytes < CAPACITY_BYTES)
      memory.setU32(wire + W_DATA + frames * entryBytes + WE_LENGTH, WIRE_WRAP);
    plugIn(host, adapter.block, wire);
    const going = new SharedArrayBuffer(4);
    const start: ReplayerStart = { memory: memory.memory, module: adapter.module, wire, going };
    return new WireReplayer(createReplayer({ workerData: start }), going, frames);
  }

  private constructor(worker: Worker, going: SharedArrayBuffer, frames: number) {
    this.#worker = worker;
    this.#going = new Int32Array(going);
    this.frames = frames;
  }

  start(): void {
    Atomics.store(this.#going, 0, 1);
    this.#worker.postMessage('start');
  }

  async stop(): Promise<void> {
    const stopped = once(this.#worker, 'message');
    Atomics.store(this.#going, 0, 0);
    Atomics.notify(this.#going, 0);
    await stopped;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

function plugIn(host: BenchHost, adapter: number, wire: number): void {
  const { i32 } = host.memory;
  for (let i = 0; i < MAX_WIRES; i++)
    if (Atomics.compareExchange(i32, (adapter + A_IN_WIRES + i * 4) >>> 2, 0, wire) === 0) return;
  throw new Error('the adapter has no place for another wire');
}
