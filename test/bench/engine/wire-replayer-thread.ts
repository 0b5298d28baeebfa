/**
 * A thread that shows an adapter the same frames again and again: they lie in the wire ring, and only
 * its tail moves. So the wire costs next to no processor time, as a real one.
 */
import { parentPort, workerData } from 'node:worker_threads';

import { W_CAPACITY, W_HEAD, W_NEXT } from '../../../src/engine/kernel/layout';
import { MemoryViews } from '../../../src/engine/memory/host-memory';
import { instantiateKernel } from '../../../src/engine/thread/kernel';
import type { ReplayerStart } from './wire-replay-protocol';

const MOMENT_MS = 0.1;

// The order of `WireReplayer`, of the same build.
const { memory, module, wire, going } = workerData as ReplayerStart;
const views = new MemoryViews(memory);
const kernel = instantiateKernel(module, memory);
const flag = new Int32Array(going);

parentPort?.on('message', () => {
  const capacity = views.getU32(wire + W_CAPACITY);
  while (Atomics.load(flag, 0) !== 0) {
    // What was read may be read again: the frames are still there.
    const head = Atomics.load(views.u32, (wire + W_HEAD) >>> 2);
    views.setU32(wire + W_NEXT, (head + capacity) >>> 0);
    // Makes no frame, and publishes up to W_NEXT.
    kernel.generate(wire, 0, 1, 0, 0, 0, 0);
    Atomics.wait(flag, 0, 1, MOMENT_MS);
  }
  parentPort?.postMessage('stopped');
});
