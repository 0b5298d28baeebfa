/**
 * Wire rings: frames as they are on a wire, tag included, between a link thread and the adapter (or
 * fabric) thread. Single producer, single consumer; entries are contiguous and 16-byte aligned.
 */
import {
  W_CAPACITY,
  W_DATA,
  W_HEAD,
  W_LINK_SLEEPING,
  W_LINK_WAKE,
  W_NEXT,
  W_TAIL,
  W_WAKE,
  WE_FRAME,
  WE_LENGTH,
  WE_TIME,
  WIRE_WRAP,
} from './layout';
import { wake } from './thread';

/** Space for a frame of `length` bytes: address of its entry, or 0 when the ring is full. Producer. */
export function wireReserve(ring: u32, length: u32, now: f64): u32 {
  const size: u32 = (WE_FRAME + length + 15) & ~15;
  const capacity = load<u32>(ring, W_CAPACITY);
  let next = load<u32>(ring, W_NEXT);
  // Pairs with wireAdvance.
  const used = next - atomic.load<u32>(ring, W_HEAD);
  const toEnd = capacity - (next & (capacity - 1));
  if (toEnd < size) {
    if (used + toEnd + size > capacity) return 0;
    store<u32>(ring + W_DATA + (next & (capacity - 1)), WIRE_WRAP, WE_LENGTH);
    next += toEnd;
  } else if (used + size > capacity) return 0;
  const entry = ring + W_DATA + (next & (capacity - 1));
  store<u32>(entry, length, WE_LENGTH);
  store<f64>(entry, now, WE_TIME);
  store<u32>(ring, next + size, W_NEXT);
  return entry;
}

/** Shows the consumer all reserved entries and wakes it. Producer, once per burst. */
export function wirePublish(ring: u32): void {
  const next = load<u32>(ring, W_NEXT);
  if (next == load<u32>(ring, W_TAIL)) return;
  // Pairs with wirePeek: frames are written before the tail that covers them.
  atomic.store<u32>(ring, next, W_TAIL);
  const consumer = load<u32>(ring, W_WAKE);
  if (consumer != 0) wake(consumer);
  else if (atomic.load<i32>(ring, W_LINK_SLEEPING) != 0) {
    atomic.store<i32>(ring, 0, W_LINK_SLEEPING);
    atomic.add<i32>(ring + W_LINK_WAKE, 1);
    atomic.notify(ring + W_LINK_WAKE, 1);
  }
}

/** True when nothing can be read. Consumer. */
export function wireEmpty(ring: u32): bool {
  // Pairs with wirePublish.
  return atomic.load<u32>(ring, W_TAIL) == load<u32>(ring, W_HEAD);
}

/** Entry at free-running offset `head`, following the wrap mark; 0 when there is none. Consumer. */
export function wirePeek(ring: u32, head: u32, tail: u32): u32 {
  if (head == tail) return 0;
  const mask = load<u32>(ring, W_CAPACITY) - 1;
  let entry = ring + W_DATA + (head & mask);
  if (load<u32>(entry, WE_LENGTH) == WIRE_WRAP) {
    head = (head | mask) + 1;
    if (head == tail) return 0;
    entry = ring + W_DATA;
  }
  return entry;
}

/** Offset behind `entry`, given the offset at which it was looked for. Consumer. */
export function wireAfter(ring: u32, head: u32, entry: u32): u32 {
  const mask = load<u32>(ring, W_CAPACITY) - 1;
  if (entry == ring + W_DATA && (head & mask) != 0) head = (head | mask) + 1;
  return head + ((WE_FRAME + load<u32>(entry, WE_LENGTH) + 15) & ~15);
}

/** Gives everything before `head` back to the producer. Consumer. */
export function wireAdvance(ring: u32, head: u32): void {
  // Pairs with wireReserve.
  atomic.store<u32>(ring, head, W_HEAD);
}
