/** Makes the rings of `kernel/layout.ts` in host memory. Control thread. */
import { isPowerOfTwo } from '../../shared/power-of-two';
import {
  BUFFER_SIZE,
  COMPLETION_SIZE,
  E_ADDRESS,
  ENTRY_SIZE,
  FREE_SIZE,
  R_CAPACITY,
  R_ENTRIES,
  R_HEAD,
  R_NEXT,
  R_RECLAIMED,
  R_TAIL,
  W_CAPACITY,
  W_DATA,
  W_HEAD,
  W_TAIL,
  W_WAKE,
} from '../kernel/layout';
import type { HostMemory, MemoryViews } from '../memory/host-memory';

/** A ring of frames between two threads. `capacity`: entries, a power of two. */
export function createFrameRing(memory: HostMemory, capacity: number): number {
  return createRing(memory, capacity, ENTRY_SIZE, 'A ring between two threads');
}

export function createFreeRing(memory: HostMemory, capacity: number): number {
  return createRing(memory, capacity, FREE_SIZE, 'A free ring');
}

export function createCompletionRing(memory: HostMemory, capacity: number): number {
  return createRing(memory, capacity, COMPLETION_SIZE, 'A completion ring');
}

function createRing(
  memory: HostMemory,
  capacity: number,
  entryBytes: number,
  purpose: string,
): number {
  if (!isPowerOfTwo(capacity))
    throw new RangeError(`ring capacity: expected a power of two, got ${capacity}`);
  const ring = memory.take(R_ENTRIES + capacity * entryBytes, purpose);
  memory.setU32(ring + R_CAPACITY, capacity);
  return ring;
}

/** A hold list: a frame ring whose slots have fixed buffers. Two regions: the ring, and its buffers. */
export function createHoldRing(
  memory: HostMemory,
  capacity: number,
): { ring: number; buffers: number } {
  const buffers = memory.take(capacity * BUFFER_SIZE, 'A hold list', BUFFER_SIZE);
  let ring: number;
  try {
    ring = createFrameRing(memory, capacity);
  } catch (error) {
    memory.give(buffers);
    throw error;
  }
  for (let i = 0; i < capacity; i++)
    memory.setU32(ring + R_ENTRIES + i * ENTRY_SIZE + E_ADDRESS, buffers + i * BUFFER_SIZE);
  return { ring, buffers };
}

/** Empties a ring that nobody uses now. */
export function resetRing(views: MemoryViews, ring: number): void {
  for (const index of [R_TAIL, R_HEAD, R_NEXT, R_RECLAIMED])
    Atomics.store(views.i32, (ring + index) >>> 2, 0);
}

/** Entries that a ring can hold. */
export function ringCapacity(views: MemoryViews, ring: number): number {
  return views.getU32(ring + R_CAPACITY);
}

/** Entries in a ring now; may be late. */
export function ringFill(views: MemoryViews, ring: number): number {
  return (
    (Atomics.load(views.i32, (ring + R_TAIL) >>> 2) -
      Atomics.load(views.i32, (ring + R_HEAD) >>> 2)) >>>
    0
  );
}

/** Gives the first entries of a ring back to its producer. As its consumer. */
export function advanceRing(views: MemoryViews, ring: number, entries: number): void {
  Atomics.add(views.i32, (ring + R_HEAD) >>> 2, entries);
}

/** Addresses of the entries in a ring, oldest first. As its consumer, or while nobody uses it. */
export function ringEntries(
  views: MemoryViews,
  ring: number,
  entryBytes: number,
): readonly number[] {
  const mask = views.getU32(ring + R_CAPACITY) - 1;
  const head = Atomics.load(views.i32, (ring + R_HEAD) >>> 2) >>> 0;
  return Array.from(
    { length: ringFill(views, ring) },
    (_, i) => ring + R_ENTRIES + ((head + i) & mask) * entryBytes,
  );
}

/** Published tail of a ring: how far its consumer must come to have read everything. */
export function ringTail(views: MemoryViews, ring: number): number {
  return Atomics.load(views.i32, (ring + R_TAIL) >>> 2) >>> 0;
}

/**
 * A wire ring.
 * @param capacityBytes a power of two, at least 64 KiB.
 * @param consumer thread block that reads it, or 0 when a link thread does.
 */
export function createWireRing(
  memory: HostMemory,
  capacityBytes: number,
  consumer: number,
): number {
  const ring = memory.take(W_DATA + capacityBytes, 'A wire ring');
  memory.setU32(ring + W_CAPACITY, capacityBytes);
  memory.setU32(ring + W_WAKE, consumer);
  return ring;
}

/** Answers whether a wire ring's consumer has taken what is in it now. */
export function wireTakenByNow(views: MemoryViews, ring: number): () => boolean {
  const tail = Atomics.load(views.i32, (ring + W_TAIL) >>> 2);
  return () => ((Atomics.load(views.i32, (ring + W_HEAD) >>> 2) - tail) | 0) >= 0;
}

/** Bytes waiting in a wire ring. */
export function wireFill(views: MemoryViews, ring: number): number {
  return (
    (Atomics.load(views.i32, (ring + W_TAIL) >>> 2) -
      Atomics.load(views.i32, (ring + W_HEAD) >>> 2)) >>>
    0
  );
}
