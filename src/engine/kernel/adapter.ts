/**
 * The adapter thread's turn, the emulated hardware: wire in → filter → DMA → completion → interrupt,
 * and wire out. One call handles a bounded burst from each place and returns what it moved.
 */
import {
  A_FILTER_MASK,
  A_FILTERS,
  A_IN_WIRES,
  A_INTERRUPTS,
  A_MAC_ONLY,
  A_MODERATION_NS,
  A_QUEUES,
  A_RAISED,
  A_REFUSES,
  A_UPLINK,
  BURST,
  C_ADDRESS,
  C_COOKIE,
  C_ETHER_TYPE,
  C_FENCE,
  C_FLAGS,
  C_LENGTH,
  C_NIC,
  C_SOURCE_HIGH,
  C_SOURCE_LOW,
  C_SPLIT,
  C_TAGGED,
  C_TIME,
  C_VLAN,
  COMPLETION_SIZE,
  CT_BYTES_FROM_WIRE,
  CT_BYTES_TO_WIRE,
  CT_FROM_WIRE,
  CT_TO_WIRE,
  DROP_MALFORMED,
  DROP_NO_RECEIVE_BUFFER,
  DROP_WIRE_DOWN,
  DROP_WIRE_FULL,
  E_ADDRESS,
  E_LENGTH,
  E_NIC,
  E_VLAN,
  ENTRY_SIZE,
  FRAME_MAX,
  FRAME_MAX_TAGGED,
  FRAME_MIN,
  FREE_ADDRESS,
  FREE_COOKIE,
  FREE_SIZE,
  LOOKAHEAD_BUFFER,
  MAX_QUEUES,
  MAX_THREADS,
  MAX_WIRES,
  Q_BYTES,
  Q_COMPLETION_RING,
  Q_DOMAIN,
  Q_DROPPED,
  Q_FENCES,
  Q_FIRST_NS,
  Q_FRAMES,
  Q_FREE_RING,
  Q_ID,
  Q_INTERRUPTS,
  Q_LOOKAHEAD,
  Q_LOOKAHEAD_SIZE,
  Q_MODE,
  Q_SENT,
  Q_SENT_BYTES,
  Q_THREAD,
  Q_UNSIGNALLED,
  QUEUE_SHARED_MEMORY,
  R_CAPACITY,
  R_ENTRIES,
  R_HEAD,
  T_IN_RINGS,
  T_PENDING,
  VIRTIO_NET_HEADER,
  W_HEAD,
  W_TAIL,
  WE_FRAME,
  WE_LENGTH,
  WE_TIME,
} from './layout';
import { filterLookup } from './filter-table';
import { writeNetHeader } from './port';
import { ringAdvance, ringAvailable, ringEntry, ringPublish, ringReserve } from './ring';
import { bump, count, countDrop, wake } from './thread';
import { wireAdvance, wireAfter, wireEmpty, wirePeek, wirePublish, wireReserve } from './wire-ring';

/** Whether the last turn dropped a frame because a queue had no buffer. */
let starved: bool = false;
export function adapterStarved(): bool {
  return starved;
}

/** Completions without an interrupt that are raised whatever the moderation says. */
const INTERRUPT_BATCH: u32 = 32;
const ETHERTYPE_IPV4: u32 = 0x0008;
const ETHERTYPE_VLAN: u32 = 0x0081; // 0x8100 as a little-endian load sees it

/** Copies the first `bytes` of a frame from wire memory, without its tag. */
function copyOut(target: u32, frame: u32, tagged: bool, bytes: u32): void {
  if (!tagged) memory.copy(target, frame, bytes);
  else {
    memory.copy(target, frame, 12);
    memory.copy(target + 12, frame + 16, bytes - 12);
  }
}

/**
 * Where a frame is split: not before the lookahead size, and behind the headers of IPv4 and UDP or TCP
 * when they reach further. A short frame is all lookahead.
 */
function splitAt(frame: u32, length: u32, tagged: bool, lookahead: u32): u32 {
  const ip = frame + (tagged ? 18 : 14);
  let end: u32 = lookahead;
  if (u32(load<u16>(ip - 2)) == ETHERTYPE_IPV4 && length >= 34) {
    const transport: u32 = 14 + (u32(load<u8>(ip)) & 0xf) * 4;
    const protocol = u32(load<u8>(ip, 9));
    if (protocol == 17) end = transport + 8;
    else if (protocol == 6 && transport + 13 <= length)
      end = transport + (u32(load<u8>(ip + transport - 14 + 12)) >> 4) * 4;
  }
  const split = end > lookahead && end <= <u32>LOOKAHEAD_BUFFER ? end : lookahead;
  return min(split, length);
}

/** Word of the bit that says that a queue has completions without an interrupt. */
function raisedWord(adapter: u32, id: u32): u32 {
  return adapter + A_RAISED + (id >> 6) * 8;
}

/** Writes one frame from wire memory into the next buffer of its queue, and its completion. */
function dma(
  adapter: u32,
  thread: u32,
  queue: u32,
  frame: u32,
  length: u32,
  tci: u32,
  tagged: bool,
  time: f64,
  now: f64,
): void {
  const free = load<u32>(queue, Q_FREE_RING);
  const head = load<u32>(free, R_HEAD);
  const posted = ringAvailable(free);
  if (posted == 0) {
    starved = true;
    countDrop(thread, DROP_NO_RECEIVE_BUFFER);
    bump(queue + Q_DROPPED, 1);
    wake(load<u32>(queue, Q_THREAD));
    return;
  }
  const completion = ringReserve(load<u32>(queue, Q_COMPLETION_RING), COMPLETION_SIZE);
  if (completion == 0) {
    countDrop(thread, DROP_NO_RECEIVE_BUFFER);
    bump(queue + Q_DROPPED, 1);
    return;
  }
  const buffer = ringEntry(free, head, FREE_SIZE);
  let target = load<u32>(buffer, FREE_ADDRESS);
  store<u32>(completion, load<u32>(buffer, FREE_COOKIE), C_COOKIE);
  ringAdvance(free, head + 1);
  const isShared = load<u32>(queue, Q_MODE) == QUEUE_SHARED_MEMORY;
  if (isShared) target += VIRTIO_NET_HEADER;
  const out = tagged ? length - 4 : length;
  const lookahead = load<u32>(queue, Q_LOOKAHEAD);
  let flags: u32 = tagged ? C_TAGGED : 0;
  if (isShared && lookahead != 0) {
    const split = splitAt(frame, out, tagged, load<u32>(queue, Q_LOOKAHEAD_SIZE));
    const ring = load<u32>(queue, Q_COMPLETION_RING);
    const slot = (completion - ring - R_ENTRIES) / COMPLETION_SIZE;
    copyOut(lookahead + slot * LOOKAHEAD_BUFFER, frame, tagged, split);
    // Room is left in front for what the lookahead buffer has: the host puts it there.
    const rest = frame + split + (tagged ? 4 : 0);
    memory.copy(target + split, rest, out - split);
    store<u16>(completion, u16(split), C_NIC);
    flags |= C_SPLIT;
  } else {
    if (isShared) writeNetHeader(target - VIRTIO_NET_HEADER);
    copyOut(target, frame, tagged, out);
  }
  store<u32>(completion, target, C_ADDRESS);
  store<u16>(completion, u16(out), C_LENGTH);
  store<u16>(completion, u16(tci), C_VLAN);
  store<u16>(completion, u16(flags), C_FLAGS);
  store<f64>(completion, time, C_TIME);
  // All from wire memory: nothing is decided from memory that a guest can write.
  store<u32>(completion, load<u32>(frame, 6), C_SOURCE_LOW);
  store<u16>(completion, load<u16>(frame, 10), C_SOURCE_HIGH);
  store<u16>(completion, tagged ? load<u16>(frame, 16) : load<u16>(frame, 12), C_ETHER_TYPE);
  bump(queue + Q_FRAMES, 1);
  bump(queue + Q_BYTES, out);
  const waiting = load<u32>(queue, Q_UNSIGNALLED);
  if (waiting == 0) {
    store<f64>(queue, now, Q_FIRST_NS);
    const id = load<u32>(queue, Q_ID);
    const word = raisedWord(adapter, id);
    store<u64>(word, load<u64>(word) | (u64(1) << (id & 63)));
  }
  store<u32>(queue, waiting + 1, Q_UNSIGNALLED);
}

/** Takes a burst from one wire ring. Returns frames taken. */
function receive(adapter: u32, thread: u32, wire: u32, now: f64): u32 {
  let head = load<u32>(wire, W_HEAD);
  // Pairs with wirePublish of the link.
  const tail = atomic.load<u32>(wire, W_TAIL);
  const table = load<u32>(adapter, A_FILTERS);
  const mask = load<u32>(adapter, A_FILTER_MASK);
  const macOnly = load<u32>(adapter, A_MAC_ONLY) != 0;
  // Pairs with setState of the control thread.
  const refuses = atomic.load<u32>(adapter, A_REFUSES);
  let taken: u32 = 0;
  let bytes: u64 = 0;
  while (taken < <u32>BURST) {
    const entry = wirePeek(wire, head, tail);
    if (entry == 0) break;
    head = wireAfter(wire, head, entry);
    taken++;
    const length = load<u32>(entry, WE_LENGTH);
    const frame = entry + WE_FRAME;
    bytes += length;
    if (refuses != 0) {
      countDrop(thread, refuses - 1);
      continue;
    }
    const tagged = length >= 18 && u32(load<u16>(frame, 12)) == ETHERTYPE_VLAN;
    if (length < <u32>FRAME_MIN || length > <u32>(tagged ? FRAME_MAX_TAGGED : FRAME_MAX)) {
      countDrop(thread, DROP_MALFORMED);
      continue;
    }
    const tci = tagged ? u32(bswap<u16>(load<u16>(frame, 14))) : 0;
    const id = filterLookup(
      table,
      mask,
      macOnly,
      load<u32>(frame),
      u32(load<u16>(frame, 4)),
      tci & 0xfff,
    );
    const queue = load<u32>(adapter + A_QUEUES + id * 4);
    dma(
      adapter,
      thread,
      queue == 0 ? load<u32>(adapter + A_QUEUES) : queue,
      frame,
      length,
      tci,
      tagged,
      load<f64>(entry, WE_TIME),
      now,
    );
  }
  if (taken != 0 || head != load<u32>(wire, W_HEAD)) wireAdvance(wire, head);
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
      memory.copy(target, from, 12);
      store<u16>(target, u16(ETHERTYPE_VLAN), 12);
      store<u16>(target, bswap<u16>(u16(vlan)), 14);
      memory.copy(target + 16, from + 12, length - 12);
    } else memory.copy(target, from, length);
    countSent(adapter, u32(load<u16>(entry, E_NIC)), length + tag);
    sent++;
    bytes += length + tag;
  }
  ringAdvance(ring, head + n);
  count(thread, CT_TO_WIRE, sent);
  count(thread, CT_BYTES_TO_WIRE, bytes);
  return n;
}

/** Bit of a coalescing domain; 0 for a queue whose interrupt is its own. */
function domainBit(queue: u32): u64 {
  const domain = load<u32>(queue, Q_DOMAIN);
  return domain == 0 ? 0 : u64(1) << ((domain - 1) & 63);
}

/** Whether a queue's interrupt may not wait any longer. */
function isDue(queue: u32, now: f64, moderation: f64): bool {
  return (
    load<u32>(queue, Q_UNSIGNALLED) >= INTERRUPT_BATCH ||
    now - load<f64>(queue, Q_FIRST_NS) >= moderation
  );
}

/**
 * Publishes completions. Returns the coalescing domains with an interrupt that is due. Bits of queues
 * that are gone, or have nothing, are taken out.
 */
function publishRaised(adapter: u32, now: f64, moderation: f64): u64 {
  let domains: u64 = 0;
  for (let word: u32 = 0; word < <u32>(MAX_QUEUES / 64); word++) {
    const at = adapter + A_RAISED + word * 8;
    let bits = load<u64>(at);
    while (bits != 0) {
      const bit = u32(ctz(bits));
      bits &= bits - 1;
      const queue = load<u32>(adapter + A_QUEUES + (word * 64 + bit) * 4);
      if (queue == 0 || load<u32>(queue, Q_UNSIGNALLED) == 0) {
        store<u64>(at, load<u64>(at) & ~(u64(1) << bit));
        continue;
      }
      ringPublish(load<u32>(queue, Q_COMPLETION_RING));
      if (isDue(queue, now, moderation)) domains |= domainBit(queue);
    }
  }
  return domains;
}

/**
 * Publishes completions and raises interrupts: at once when nothing more waits, else by moderation.
 * Queues of one coalescing domain share an interrupt: when one of them is due, all are served.
 */
function interrupt(adapter: u32, now: f64, idle: bool): void {
  const moderation = load<f64>(adapter, A_MODERATION_NS);
  const due = publishRaised(adapter, now, moderation);
  let raised: u64 = 0;
  for (let word: u32 = 0; word < <u32>(MAX_QUEUES / 64); word++) {
    const at = adapter + A_RAISED + word * 8;
    let bits = load<u64>(at);
    while (bits != 0) {
      const bit = u32(ctz(bits));
      bits &= bits - 1;
      // It may have been taken away since completions were published.
      const queue = load<u32>(adapter + A_QUEUES + (word * 64 + bit) * 4);
      if (queue == 0) continue;
      const domain = domainBit(queue);
      if (!idle && (due & domain) == 0 && !isDue(queue, now, moderation)) continue;
      store<u64>(at, load<u64>(at) & ~(u64(1) << bit));
      store<u32>(queue, 0, Q_UNSIGNALLED);
      bump(queue + Q_INTERRUPTS, 1);
      if (domain == 0 || (raised & domain) == 0) bump(adapter + A_INTERRUPTS, 1);
      raised |= domain;
      wake(load<u32>(queue, Q_THREAD));
    }
  }
}

/** One turn of the adapter thread. Returns frames moved; 0 means it may sleep. */
export function adapterTurn(adapter: u32, thread: u32, now: f64): u32 {
  let moved: u32 = 0;
  starved = false;
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

/** Entries in a ring now, for occupancy figures; may be late. Any thread. */
export function ringFill(ring: u32): u32 {
  return ring == 0 ? 0 : ringAvailable(ring);
}

export function ringCapacity(ring: u32): u32 {
  return load<u32>(ring, R_CAPACITY);
}
