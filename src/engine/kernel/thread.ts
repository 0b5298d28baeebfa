/** What every thread role shares: counters, wake-up, and the buffers of a thread's own pool. */
import {
  BUFFER_DATA,
  BUFFER_REFERENCES,
  BUFFER_SIZE,
  CT_DROPS,
  E_ADDRESS,
  ENTRY_SIZE,
  MAX_THREADS,
  R_HEAD,
  R_RECLAIMED,
  T_COUNTERS,
  T_INDEX,
  T_OUT_RINGS,
  T_PENDING,
  T_POOL_FREE,
  T_POOL_SIZE,
  T_POOL_STACK,
  T_SLEEPING,
  T_THREADS,
  T_WAKE,
} from './layout';
import { ringEntry } from './ring';

export function count(thread: u32, counter: u32, amount: u64): void {
  const at = thread + T_COUNTERS + counter * 8;
  store<u64>(at, load<u64>(at) + amount);
}

export function countDrop(thread: u32, reason: u32): void {
  count(thread, CT_DROPS + reason, 1);
}

export function bump(address: u32, amount: u64): void {
  store<u64>(address, load<u64>(address) + amount);
}

/** Wakes a thread if it sleeps or is about to. */
export function wake(thread: u32): void {
  // Pairs with the sleeping thread, which sets T_SLEEPING before its last look for work: either it
  // sees the work, or this sees the flag.
  if (atomic.load<i32>(thread, T_SLEEPING) == 0) return;
  if (atomic.cmpxchg<i32>(thread + T_SLEEPING, 1, 0) != 1) return;
  atomic.add<i32>(thread + T_WAKE, 1);
  atomic.notify(thread + T_WAKE, 1);
}

/** Thread block of thread `index`. */
export function threadAt(thread: u32, index: u32): u32 {
  return load<u32>(load<u32>(thread, T_THREADS) + index * 4);
}

/** Marks in `consumer` that the ring from `producer` has entries, and wakes it. */
export function signal(producer: u32, consumer: u32): void {
  const index = load<u32>(producer, T_INDEX);
  const word = consumer + T_PENDING + (index >> 6) * 8;
  const bit: u64 = u64(1) << (index & 63);
  // Pairs with takeRings and adapterTurn: the bit is set after the ring's tail was published.
  if ((atomic.load<u64>(word) & bit) == 0) atomic.or<u64>(word, bit);
  wake(consumer);
}

// ── Pool ────────────────────────────────────────────────────────────────────────────────────────

/** A free buffer with one reference, or 0 when the pool is empty. */
export function poolTake(thread: u32): u32 {
  const free = load<u32>(thread, T_POOL_FREE);
  if (free == 0) return 0;
  store<u32>(thread, free - 1, T_POOL_FREE);
  const buffer = load<u32>(load<u32>(thread, T_POOL_STACK) + (free - 1) * 4);
  store<u32>(buffer, 1, BUFFER_REFERENCES);
  return buffer;
}

/** Drops one reference of a buffer of this thread's pool; the last one frees it. */
export function poolRelease(thread: u32, buffer: u32): void {
  const references = load<u32>(buffer, BUFFER_REFERENCES) - 1;
  store<u32>(buffer, references, BUFFER_REFERENCES);
  if (references != 0) return;
  const free = load<u32>(thread, T_POOL_FREE);
  store<u32>(load<u32>(thread, T_POOL_STACK) + free * 4, buffer);
  store<u32>(thread, free + 1, T_POOL_FREE);
}

/** The buffer that a frame address lies in. */
export function bufferOf(address: u32): u32 {
  return address & ~(BUFFER_SIZE - 1);
}

export function frameOf(buffer: u32): u32 {
  return buffer + BUFFER_DATA;
}

/** Takes back the buffers of entries that the consumer of `ring` has finished with. */
export function reclaim(thread: u32, ring: u32): void {
  let at = load<u32>(ring, R_RECLAIMED);
  // Pairs with ringAdvance of the consumer.
  const head = atomic.load<u32>(ring, R_HEAD);
  while (at != head) {
    poolRelease(thread, bufferOf(load<u32>(ringEntry(ring, at, ENTRY_SIZE), E_ADDRESS)));
    at++;
  }
  store<u32>(ring, at, R_RECLAIMED);
}

/** Takes back the buffers of all outgoing rings. Once per turn, and when the pool runs low. */
export function reclaimAll(thread: u32): void {
  if (load<u32>(thread, T_POOL_FREE) == load<u32>(thread, T_POOL_SIZE)) return;
  const rings = load<u32>(thread, T_OUT_RINGS);
  for (let i: u32 = 0; i < <u32>MAX_THREADS; i++) {
    const ring = load<u32>(rings + i * 4);
    if (ring != 0 && load<u32>(ring, R_RECLAIMED) != load<u32>(ring, R_HEAD)) reclaim(thread, ring);
  }
}
