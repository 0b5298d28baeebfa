/**
 * What is left when a serving thread dies at any point: its NIC's cursors are put where the guest
 * saw them last, and the frames that it had taken and not passed on are counted. Control thread,
 * while nobody else serves the NIC and the adapter no longer fills the queue.
 */
import {
  CT_ANNOUNCED,
  CT_COPIES,
  CT_DROPS,
  CT_FROM_VMS,
  CT_QUEUED,
  CT_TO_VMS,
  DROP_REASON_COUNT,
  DROP_THREAD_LOST,
  N_MEMORY,
  N_RX_SIZE,
  N_RX_USED,
  N_RX_USED_NEXT,
  N_RX_USED_SHOWN,
  N_SPARE_COUNT,
  N_SPARES,
  N_TX_AVAIL,
  N_TX_LAST_AVAIL,
  N_TX_SIZE,
  N_TX_USED,
  N_TX_USED_NEXT,
  N_KICK,
  R_HEAD,
  R_TAIL,
  T_COUNTERS,
  T_NIC_COUNT,
} from '../kernel/layout';
import type { MemoryViews } from '../memory/host-memory';
import type { QueueBlock } from './queue-block';

/**
 * Puts the NIC's cursors back to what the guest was shown: nothing is delivered twice or sent twice.
 * Receive buffers that the thread had taken are given back to the NIC; the frames in them are lost.
 */
export function dropNicWork(
  views: MemoryViews,
  thread: number,
  nic: number,
  queue: QueueBlock,
): void {
  const memory = views.getU32(nic + N_MEMORY);
  const spares = [...queue.guestBuffers()];
  const shown = views.getU32(nic + N_RX_USED_SHOWN);
  const rxSize = views.getU32(nic + N_RX_SIZE);
  for (let next = shown; next !== views.getU32(nic + N_RX_USED_NEXT); next = (next + 1) >>> 0) {
    spares.push(
      views.getU32(memory + views.getU32(nic + N_RX_USED) + 4 + (next & (rxSize - 1)) * 8),
    );
  }
  views.setU32(nic + N_RX_USED_NEXT, shown);
  const list = views.getU32(nic + N_SPARES) / 2;
  let count = views.getU32(nic + N_SPARE_COUNT);
  for (const head of spares) if (count < rxSize) views.u16[list + count++] = head;
  views.setU32(nic + N_SPARE_COUNT, count);
  // Sent frames that were taken are taken; the guest gets their buffers back.
  const size = views.getU32(nic + N_TX_SIZE);
  const taken = views.getU32(nic + N_TX_LAST_AVAIL);
  for (let next = views.getU32(nic + N_TX_USED_NEXT); next !== taken; next = (next + 1) >>> 0) {
    const head =
      views.u16[(memory + views.getU32(nic + N_TX_AVAIL) + 4 + (next & (size - 1)) * 2) / 2] ?? 0;
    const entry = memory + views.getU32(nic + N_TX_USED) + 4 + (next & (size - 1)) * 8;
    views.setU32(entry, head);
    views.setU32(entry + 4, 0);
  }
  views.setU32(nic + N_TX_USED_NEXT, taken);
  Atomics.store(views.i32, (nic + N_KICK) >>> 2, 1);
  views.setU32(thread + T_NIC_COUNT, 0);
}

/** A thread gives its queue up in order: what the queue got stays part of the thread's account. */
export function rememberFrames(views: MemoryViews, thread: number, queue: QueueBlock): void {
  const at = thread + T_COUNTERS + CT_QUEUED * 8;
  views.setCounter(at, views.getCounter(at) + queue.counters().frames);
}

/**
 * Counts what a dead thread lost, as drops with the reason `thread-lost`, and empties what it read
 * from. Everything that entered the thread and neither left it nor was dropped is lost; ring
 * indices are 32 bits wide, so the difference is taken modulo 2^32.
 */
export function lostFrames(
  views: MemoryViews,
  thread: number,
  queue: QueueBlock,
  ringsIn: readonly number[],
  ringsOut: readonly number[],
): number {
  const counter = (index: number): number => views.getCounter(thread + T_COUNTERS + index * 8);
  const word = (ring: number, field: number): number =>
    Atomics.load(views.i32, (ring + field) >>> 2) >>> 0;
  let entered =
    counter(CT_QUEUED) +
    counter(CT_FROM_VMS) +
    counter(CT_COPIES) +
    counter(CT_ANNOUNCED) +
    queue.counters().frames;
  let left = counter(CT_TO_VMS);
  for (let reason = 0; reason < DROP_REASON_COUNT; reason++) left += counter(CT_DROPS + reason);
  for (const ring of ringsIn) {
    entered += word(ring, R_TAIL);
    Atomics.store(views.i32, (ring + R_HEAD) >>> 2, word(ring, R_TAIL));
  }
  for (const ring of ringsOut) left += word(ring, R_TAIL);
  const lost = ((entered - left) % 2 ** 32) | 0;
  const drops = thread + T_COUNTERS + (CT_DROPS + DROP_THREAD_LOST) * 8;
  views.setCounter(drops, views.getCounter(drops) + Math.max(0, lost));
  return Math.max(0, lost);
}
