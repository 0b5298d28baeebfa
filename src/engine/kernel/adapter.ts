/**
 * The adapter thread's turn, the emulated hardware: wire in → filter → DMA → completion → interrupt,
 * and wire out. One call handles a bounded burst from each place and returns what it moved.
 */
import {
  A_FILTERS,
  A_FILTER_MASK,
  A_IN_WIRES,
  A_MAC_ONLY,
  A_QUEUES,
  A_REFUSES,
  A_UPLINK,
  BURST,
  COMPLETION_SIZE,
  CT_BYTES_FROM_WIRE,
  CT_BYTES_TO_WIRE,
  CT_FROM_WIRE,
  CT_TO_WIRE,
  C_FENCE,
  C_FLAGS,
  C_NIC,
  DROP_MALFORMED,
  DROP_WIRE_DOWN,
  DROP_WIRE_FULL,
  ENTRY_SIZE,
  E_ADDRESS,
  E_LENGTH,
  E_NIC,
  E_VLAN,
  FRAME_MAX,
  FRAME_MAX_TAGGED,
  FRAME_MIN,
  MAX_QUEUES,
  MAX_THREADS,
  MAX_WIRES,
  Q_COMPLETION_RING,
  Q_FENCES,
  Q_SENT,
  Q_SENT_BYTES,
  Q_THREAD,
  R_HEAD,
  T_IN_RINGS,
  T_PENDING,
  WE_FRAME,
  WE_LENGTH,
  WIRE_BURST,
  W_HEAD,
  W_TAIL,
} from './layout';
import { copyBytes } from './copy';
import { ETHERTYPE_VLAN, addToBurst, clearStarved, dmaBurst } from './dma';
import { filterLookup } from './filter-table';
import { interrupt } from './interrupts';
import { ringAdvance, ringAvailable, ringEntry, ringPublish, ringReserve } from './ring';
import { bump, count, countDrop, wake } from './thread';
import { wireAdvance, wireAfter, wireEmpty, wirePeek, wirePublish, wireReserve } from './wire-ring';

/** One frame of a wire: into the burst of its queue, or dropped. Returns false when it must wait on the wire. */
function receiveFrame(adapter: u32, thread: u32, entry: u32, now: f64): bool {
  const length = load<u32>(entry, WE_LENGTH);
  const frame = entry + WE_FRAME;
  const tagged = length >= 18 && u32(load<u16>(frame, 12)) == ETHERTYPE_VLAN;
  if (length < <u32>FRAME_MIN || length > <u32>(tagged ? FRAME_MAX_TAGGED : FRAME_MAX)) {
    countDrop(thread, DROP_MALFORMED);
    return true;
  }
  const tci = tagged ? u32(bswap<u16>(load<u16>(frame, 14))) : 0;
  const id = filterLookup(
    load<u32>(adapter, A_FILTERS),
    load<u32>(adapter, A_FILTER_MASK),
    load<u32>(adapter, A_MAC_ONLY) != 0,
    load<u32>(frame),
    u32(load<u16>(frame, 4)),
    tci & 0xfff,
  );
  const named = load<u32>(adapter + A_QUEUES + id * 4);
  const queue = named == 0 ? load<u32>(adapter + A_QUEUES) : named;
  return addToBurst(adapter, thread, queue, entry, now);
}

/** Takes a burst from one wire ring. Returns frames taken. */
function receive(adapter: u32, thread: u32, wire: u32, now: f64): u32 {
  let head = load<u32>(wire, W_HEAD);
  // Pairs with wirePublish of the link.
  const tail = atomic.load<u32>(wire, W_TAIL);
  // Pairs with setState of the control thread.
  const refuses = atomic.load<u32>(adapter, A_REFUSES);
  let taken: u32 = 0;
  let bytes: u64 = 0;
  while (taken < <u32>WIRE_BURST) {
    const entry = wirePeek(wire, head, tail);
    if (entry == 0) break;
    if (refuses != 0) countDrop(thread, refuses - 1);
    else if (!receiveFrame(adapter, thread, entry, now)) break;
    head = wireAfter(wire, head, entry);
    taken++;
    bytes += load<u32>(entry, WE_LENGTH);
  }
  dmaBurst(adapter, now);
  if (taken != 0) wireAdvance(wire, head);
  count(thread, CT_FROM_WIRE, taken);
  count(thread, CT_BYTES_FROM_WIRE, bytes);
  return taken;
}

/** Counts a frame on the queue that it was sent on; on the default queue when that one is gone. */
function countSent(adapter: u32, id: u32, length: u32): void {
  const queues = adapter + A_QUEUES;
  const named = id < <u32>MAX_QUEUES ? load<u32>(queues + id * 4) : 0;
  const queue = named == 0 ? load<u32>(queues) : named;
  bump(queue + Q_SENT, 1);
  bump(queue + Q_SENT_BYTES, length);
}

/** Copies a burst from one serving thread's ring to the uplink. Returns frames taken. */
function transmit(adapter: u32, thread: u32, ring: u32, uplink: u32, now: f64): u32 {
  const head = load<u32>(ring, R_HEAD);
  const n = min(ringAvailable(ring), <u32>BURST);
  // Pairs with setState of the control thread.
  const refuses = atomic.load<u32>(adapter, A_REFUSES);
  let sent: u32 = 0;
  let bytes: u64 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const entry = ringEntry(ring, head + i, ENTRY_SIZE);
    if (refuses != 0) {
      countDrop(thread, refuses - 1);
      continue;
    }
    if (uplink == 0) {
      countDrop(thread, DROP_WIRE_DOWN);
      continue;
    }
    const from = load<u32>(entry, E_ADDRESS);
    const length = u32(load<u16>(entry, E_LENGTH));
    const vlan = u32(load<u16>(entry, E_VLAN));
    const tag = vlan != 0 ? 4 : 0;
    const slot = wireReserve(uplink, length + tag, now);
    if (slot == 0) {
      countDrop(thread, DROP_WIRE_FULL);
      continue;
    }
    const target = slot + WE_FRAME;
    if (tag != 0) {
      copyBytes(target, from, 12);
      store<u16>(target, u16(ETHERTYPE_VLAN), 12);
      store<u16>(target, bswap<u16>(u16(vlan)), 14);
      copyBytes(target + 16, from + 12, length - 12);
    } else copyBytes(target, from, length);
    countSent(adapter, u32(load<u16>(entry, E_NIC)), length + tag);
    sent++;
    bytes += length + tag;
  }
  ringAdvance(ring, head + n);
  count(thread, CT_TO_WIRE, sent);
  count(thread, CT_BYTES_TO_WIRE, bytes);
  return n;
}

/** One turn of the adapter thread. Returns frames moved; 0 means it may sleep. */
export function adapterTurn(adapter: u32, thread: u32, now: f64): u32 {
  let moved: u32 = 0;
  clearStarved();
  for (let i: u32 = 0; i < <u32>MAX_WIRES; i++) {
    const wire = load<u32>(adapter + A_IN_WIRES + i * 4);
    if (wire != 0) moved += receive(adapter, thread, wire, now);
  }
  interrupt(adapter, now, !wiresPending(adapter));
  const uplink = load<u32>(adapter, A_UPLINK);
  for (let word: u32 = 0; word < <u32>(MAX_THREADS / 64); word++) {
    const at = thread + T_PENDING + word * 8;
    // Pairs with signal: bits are taken before the rings are looked at.
    if (atomic.load<u64>(at) == 0) continue;
    let bits = atomic.xchg<u64>(at, 0);
    let again: u64 = 0;
    while (bits != 0) {
      const bit = u32(ctz(bits));
      bits &= bits - 1;
      const ring = load<u32>(load<u32>(thread, T_IN_RINGS) + (word * 64 + bit) * 4);
      if (ring == 0) continue;
      moved += transmit(adapter, thread, ring, uplink, now);
      if (ringAvailable(ring) != 0) again |= u64(1) << bit;
    }
    if (again != 0) atomic.or<u64>(at, again);
  }
  if (uplink != 0) wirePublish(uplink);
  return moved;
}

function wiresPending(adapter: u32): bool {
  for (let i: u32 = 0; i < <u32>MAX_WIRES; i++) {
    const wire = load<u32>(adapter + A_IN_WIRES + i * 4);
    if (wire != 0 && !wireEmpty(wire)) return true;
  }
  return false;
}

/** True when a sleeping adapter thread would find something to do. */
export function adapterHasWork(adapter: u32, thread: u32): bool {
  if (wiresPending(adapter)) return true;
  for (let word: u32 = 0; word < <u32>(MAX_THREADS / 64); word++) {
    if (atomic.load<u64>(thread + T_PENDING + word * 8) != 0) return true;
  }
  return false;
}

/**
 * Puts a fence into a queue's completion ring: everything before it belongs to the old owner of the
 * NIC. Adapter thread, between two bursts. Returns false when the ring is full (try again).
 */
export function putFence(queue: u32, nicIndex: u32): bool {
  const ring = load<u32>(queue, Q_COMPLETION_RING);
  const entry = ringReserve(ring, COMPLETION_SIZE);
  if (entry == 0) return false;
  store<u16>(entry, u16(C_FENCE), C_FLAGS);
  store<u16>(entry, u16(nicIndex), C_NIC);
  store<u32>(queue, load<u32>(queue, Q_FENCES) + 1, Q_FENCES);
  ringPublish(ring);
  wake(load<u32>(queue, Q_THREAD));
  return true;
}
