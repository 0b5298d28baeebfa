/**
 * MAC table of a switch: (MAC, VLAN) → port. Bounded: buckets of eight entries, the oldest learned
 * entry of a full bucket gives way; assigned addresses never do. Several threads learn and look up
 * at once; an entry is valid only while key and value agree.
 */
import {
  M_KEY,
  M_VALUE,
  MAC_BUCKET,
  MAC_BUCKETS,
  MAC_ENTRY_SIZE,
  PORT_NONE,
  PORT_STATIC,
} from './layout';

export function macKey(low: u32, high: u32, vlan: u32): u64 {
  return (u64(vlan & 0xfff) << 48) | (u64(high) << 32) | u64(low);
}

function bucketOf(table: u32, key: u64): u32 {
  const mixed = (key ^ (key >> 29)) * 0x9e3779b97f4a7c15;
  return table + (u32(mixed >> 40) & (MAC_BUCKETS - 1)) * (MAC_BUCKET * MAC_ENTRY_SIZE);
}

/** Port (with PORT_STATIC) of a key, or PORT_NONE. Any thread; may be late by one change. */
export function macLookup(table: u32, key: u64): u32 {
  const bucket = bucketOf(table, key);
  for (let i: u32 = 0; i < <u32>MAC_BUCKET; i++) {
    const entry = bucket + i * MAC_ENTRY_SIZE;
    // Pairs with macLearn: a value is zeroed before its key changes and set after it, so a value
    // read between two reads of the same key belongs to that key.
    if (atomic.load<u64>(entry, M_KEY) != key) continue;
    const value = atomic.load<u64>(entry, M_VALUE);
    if (value != 0 && atomic.load<u64>(entry, M_KEY) == key) return u32(value);
  }
  return PORT_NONE;
}

/** Learns or refreshes a key. Returns false when the bucket is full of assigned addresses. */
export function macLearn(table: u32, key: u64, port: u32, second: u32): bool {
  const bucket = bucketOf(table, key);
  const value: u64 = (u64(second) << 32) | u64(port);
  let victim: u32 = 0;
  let oldest: u32 = 0xffffffff;
  for (let i: u32 = 0; i < <u32>MAC_BUCKET; i++) {
    const entry = bucket + i * MAC_ENTRY_SIZE;
    const found = atomic.load<u64>(entry, M_KEY);
    const held = atomic.load<u64>(entry, M_VALUE);
    if (found == key) {
      if ((held & PORT_STATIC) == 0 || (port & PORT_STATIC) != 0)
        atomic.store<u64>(entry, value, M_VALUE);
      return true;
    }
    if (found == 0) {
      if (oldest != 0) victim = entry;
      oldest = 0;
    } else if ((held & PORT_STATIC) == 0 && u32(held >> 32) < oldest) {
      victim = entry;
      oldest = u32(held >> 32);
    }
  }
  if (victim == 0) return false;
  const previous = atomic.load<u64>(victim, M_KEY);
  // Pairs with macLookup. Two threads that pick the same victim: one wins, the other learns later.
  atomic.store<u64>(victim, 0, M_VALUE);
  if (atomic.cmpxchg<u64>(victim + M_KEY, previous, key) != previous) return true;
  atomic.store<u64>(victim, value, M_VALUE);
  return true;
}

/** Removes a key. Control thread. */
export function macForget(table: u32, key: u64): void {
  const bucket = bucketOf(table, key);
  for (let i: u32 = 0; i < <u32>MAC_BUCKET; i++) {
    const entry = bucket + i * MAC_ENTRY_SIZE;
    if (atomic.load<u64>(entry, M_KEY) != key) continue;
    atomic.store<u64>(entry, 0, M_VALUE);
    atomic.store<u64>(entry, 0, M_KEY);
  }
}

/** Removes learned entries last seen before `second`; returns how many learned ones remain. Control thread. */
export function macAge(table: u32, second: u32): u32 {
  let remaining: u32 = 0;
  for (let i: u32 = 0; i < <u32>(MAC_BUCKETS * MAC_BUCKET); i++) {
    const entry = table + i * MAC_ENTRY_SIZE;
    if (atomic.load<u64>(entry, M_KEY) == 0) continue;
    const value = atomic.load<u64>(entry, M_VALUE);
    if ((value & PORT_STATIC) != 0) continue;
    if (u32(value >> 32) < second) {
      atomic.store<u64>(entry, 0, M_VALUE);
      atomic.store<u64>(entry, 0, M_KEY);
    } else remaining++;
  }
  return remaining;
}

/** Removes every learned entry of a port. Control thread; nobody learns for that port any more. */
export function macForgetPort(table: u32, port: u32): void {
  for (let i: u32 = 0; i < <u32>(MAC_BUCKETS * MAC_BUCKET); i++) {
    const entry = table + i * MAC_ENTRY_SIZE;
    if (atomic.load<u64>(entry, M_KEY) == 0 || u32(atomic.load<u64>(entry, M_VALUE)) != port)
      continue;
    atomic.store<u64>(entry, 0, M_VALUE);
    atomic.store<u64>(entry, 0, M_KEY);
  }
}
