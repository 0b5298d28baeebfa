/**
 * A thread that puts stamped frames on an adapter's wire at an even rate and watches, between two
 * frames, the used index of the receiving VM's virtqueue. It never sleeps, so it needs a processor
 * of its own; the engine's threads are not touched.
 */
import { parentPort, workerData } from 'node:worker_threads';

import {
  N_MEMORY,
  N_RX_DESC,
  N_RX_SIZE,
  N_RX_USED,
  VIRTIO_NET_HEADER,
  VRING_DESC_SIZE,
} from '../../../src/engine/kernel/layout';
import { MemoryViews } from '../../../src/engine/memory/host-memory';
import { loadAffinity } from '../../../src/engine/thread/affinity';
import { monotonicClock } from '../../../src/engine/thread/clock';
import { instantiateKernel } from '../../../src/engine/thread/kernel';
import {
  STAMP_OFFSET,
  type ProbeOrder,
  type ProbeTimes,
  type ProberStart,
} from './wire-probe-protocol';

/** Frames on their way at most; the number of a frame finds its time of sending. */
const REMEMBERED = 1 << 16;
/** How long answers are waited for after the last frame. */
const LATE_NS = 20e6;

// The order of `WireProber`, of the same build.
const start = workerData as ProberStart;
const views = new MemoryViews(start.memory);
const kernel = instantiateKernel(start.module, start.memory);
const clock = monotonicClock();
if (start.processor >= 0) loadAffinity().pin(start.processor);

const field = (offset: number): number => views.getU32(start.nic + offset);
const guest = field(N_MEMORY);
const size = field(N_RX_SIZE);
const used = guest + field(N_RX_USED);
const usedIndex = (used + 2) / 2;
const descriptors = guest + field(N_RX_DESC);

/** Number in the frame that the used entry `index` names. */
function stampAt(index: number): number {
  const entry = used + 4 + (index & (size - 1)) * 8;
  const buffer = guest + views.getU32(descriptors + views.getU32(entry) * VRING_DESC_SIZE);
  return views.getU32(buffer + VIRTIO_NET_HEADER + STAMP_OFFSET);
}

function probe({ framesPerSecond, seconds }: ProbeOrder): ProbeTimes {
  const stepNs = 1e9 / framesPerSecond;
  const sentNs = new Float64Array(REMEMBERED);
  const latencies = new Float64Array(Math.ceil(framesPerSecond * seconds) + 1);
  const { scratch, frameBytes, wire } = start;
  let seen = Atomics.load(views.u16, usedIndex);
  let arrived = 0;
  let sent = 0;
  let refused = 0;
  const first = clock();
  const last = first + seconds * 1e9;
  for (let now = first, due = first; now < last + LATE_NS; now = clock()) {
    if (now >= due && now < last) {
      // Nothing is owed for time in which this thread did not run: that would be a burst.
      due = Math.max(due + stepNs, now - stepNs);
      views.setU32(scratch + STAMP_OFFSET, sent);
      sentNs[sent % REMEMBERED] = now;
      if (kernel.wirePut(wire, scratch, frameBytes, now) !== 0) sent++;
      else refused++;
    }
    const shown = Atomics.load(views.u16, usedIndex);
    for (; seen !== shown; seen = (seen + 1) & 0xffff) {
      const number = stampAt(seen);
      if (number < sent && arrived < latencies.length)
        latencies[arrived++] = now - (sentNs[number % REMEMBERED] ?? now);
    }
    if (now >= last && arrived === sent) break;
  }
  return { sent, arrived, refused, seconds, latenciesNs: latencies.slice(0, arrived) };
}

parentPort?.on('message', (order: ProbeOrder) => {
  parentPort?.postMessage(probe(order));
});
