/** Receive filter lookup: (destination MAC, VLAN) → queue id. The table is never changed in place. */
import {
  F_MAC_HIGH,
  F_MAC_LOW,
  F_QUEUE,
  F_USED,
  F_VLAN,
  FILTER_ANY_VLAN,
  FILTER_NONE,
  FILTER_SIZE,
} from './layout';

/** Slot where a key is looked for first; TypeScript builds tables with the same function. */
export function filterSlot(low: u32, high: u32, vlan: u32, mask: u32): u32 {
  let mixed = low ^ (high * 0x9e3779b1) ^ (vlan * 0x85ebca6b);
  mixed ^= mixed >>> 15;
  mixed *= 0x2c1b3c6d;
  mixed ^= mixed >>> 12;
  return mixed & mask;
}

function find(table: u32, mask: u32, low: u32, high: u32, vlan: u32): u32 {
  let slot = filterSlot(low, high, vlan, mask);
  let entry = table + slot * FILTER_SIZE;
  while (load<u32>(entry, F_USED) != 0) {
    if (
      load<u32>(entry, F_MAC_LOW) == low &&
      u32(load<u16>(entry, F_MAC_HIGH)) == high &&
      u32(load<u16>(entry, F_VLAN)) == vlan
    )
      return load<u32>(entry, F_QUEUE);
    slot = (slot + 1) & mask;
    entry = table + slot * FILTER_SIZE;
  }
  return FILTER_NONE;
}

/** Queue id for a frame; 0 when no filter matches. `vlan` 0: untagged or VLAN id zero. */
export function filterLookup(
  table: u32,
  mask: u32,
  macOnly: bool,
  low: u32,
  high: u32,
  vlan: u32,
): u32 {
  if (table == 0) return 0;
  let queue = find(table, mask, low, high, vlan);
  // A filter may name the default queue too, so 0 is an answer.
  if (queue == <u32>FILTER_NONE && macOnly) queue = find(table, mask, low, high, FILTER_ANY_VLAN);
  return queue == <u32>FILTER_NONE ? 0 : queue;
}
