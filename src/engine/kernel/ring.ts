/**
 * Single-producer single-consumer rings between two threads of a host.
 *
 * The producer reserves slots (R_NEXT), fills them, and publishes once per turn (R_TAIL); the
 * consumer publishes what it has finished with (R_HEAD). An atomic store waits until all stores before
 * it have left the processor, so there is one for a burst, not for each entry. Free-running 32-bit indices: the
 * difference is the fill, the mask gives the slot, full and empty need no spare slot.
 */
import { R_CAPACITY, R_ENTRIES, R_HEAD, R_NEXT, R_RECLAIMED, R_TAIL } from './layout';

/** Slot for the next entry, or 0 when the ring is full. Producer only. */
export function ringReserve(ring: u32, entrySize: u32): u32 {
  const next = load<u32>(ring, R_NEXT);
  const capacity = load<u32>(ring, R_CAPACITY);
  // Pairs with ringAdvance: the slot is free once the consumer's head has passed it.
  if (next - atomic.load<u32>(ring, R_HEAD) >= capacity) return 0;
  store<u32>(ring, next + 1, R_NEXT);
  return ring + R_ENTRIES + (next & (capacity - 1)) * entrySize;
}

/**
 * The same for a frame ring whose entries lend buffers: a slot is free once its buffer is taken back
 * (`reclaim`), not when the consumer has passed it. The head may move between the two.
 */
export function ringReserveReclaimed(ring: u32, entrySize: u32): u32 {
  const next = load<u32>(ring, R_NEXT);
  const capacity = load<u32>(ring, R_CAPACITY);
  if (next - load<u32>(ring, R_RECLAIMED) >= capacity) return 0;
  store<u32>(ring, next + 1, R_NEXT);
  return ring + R_ENTRIES + (next & (capacity - 1)) * entrySize;
}

/** Shows the consumer everything reserved so far. Producer only. */
export function ringPublish(ring: u32): void {
  // Pairs with ringAvailable: entries are written before the tail that covers them.
  atomic.store<u32>(ring, load<u32>(ring, R_NEXT), R_TAIL);
}

/** Entries that the consumer may read. Consumer only. */
export function ringAvailable(ring: u32): u32 {
  // Pairs with ringPublish.
  return atomic.load<u32>(ring, R_TAIL) - load<u32>(ring, R_HEAD);
}

/** Address of entry number `index` (free running). */
export function ringEntry(ring: u32, index: u32, entrySize: u32): u32 {
  return ring + R_ENTRIES + (index & (load<u32>(ring, R_CAPACITY) - 1)) * entrySize;
}

/** Gives slots back to the producer. Consumer only. */
export function ringAdvance(ring: u32, head: u32): void {
  // Pairs with ringReserve: entries are read before the head that frees them.
  atomic.store<u32>(ring, head, R_HEAD);
}
