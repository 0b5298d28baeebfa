/**
 * Builds receive filter tables in host memory: open addressing, half full at most. A table is never
 * changed; the adapter thread swaps to a new one between two bursts, and the old one is given back
 * after that.
 */
import { nextPowerOfTwo } from '../../shared/power-of-two';
import {
  A_FILTER_MASK,
  A_FILTERS,
  A_MAC_ONLY,
  F_MAC_HIGH,
  F_MAC_LOW,
  F_QUEUE,
  F_USED,
  F_VLAN,
  FILTER_ANY_VLAN,
  FILTER_SIZE,
} from '../kernel/layout';
import type { HostMemory, MemoryViews } from '../memory/host-memory';
import type { ReceiveFilter } from '../ndis/receive-filter';
import type { Kernel } from '../thread/kernel';
import { kernelMac } from '../thread/kernel-mac';

export interface FilterTable {
  readonly table: number;
  readonly mask: number;
  /** Whether a filter that tests no VLAN is in it (case C of reference §4.4). */
  readonly macOnly: boolean;
}

const SMALLEST = 16;

/** Builds a table of filters; where two match the same frames, the lowest filter id wins (reference §4.1). */
export function buildFilterTable(
  memory: HostMemory,
  kernel: Kernel,
  filters: readonly ReceiveFilter[],
): FilterTable {
  const slots = nextPowerOfTwo(Math.max(SMALLEST, filters.length * 2));
  const mask = slots - 1;
  const table = memory.take(slots * FILTER_SIZE, 'A receive filter table');
  /** Addresses that a filter with a lower id takes in any VLAN. */
  const taken = new Set<string>();
  for (const filter of [...filters].sort((one, other) => one.filterId - other.filterId)) {
    if (taken.has(filter.mac)) continue;
    if (filter.vlan === 'any') taken.add(filter.mac);
    const { low, high } = kernelMac(filter.mac);
    const vlan =
      filter.vlan === 'any'
        ? FILTER_ANY_VLAN
        : filter.vlan === 'untagged-or-zero'
          ? 0
          : filter.vlan;
    insert(
      memory,
      table,
      mask,
      kernel.filterSlot(low, high, vlan, mask) >>> 0,
      low,
      high,
      vlan,
      filter.queueId,
    );
  }
  return { table, mask, macOnly: taken.size > 0 };
}

function insert(
  memory: MemoryViews,
  table: number,
  mask: number,
  slot: number,
  low: number,
  high: number,
  vlan: number,
  queueId: number,
): void {
  for (let at = slot; ; at = (at + 1) & mask) {
    const entry = table + at * FILTER_SIZE;
    if (memory.getU32(entry + F_USED) === 0) {
      memory.setU32(entry + F_MAC_LOW, low);
      memory.u16[(entry + F_MAC_HIGH) / 2] = high;
      memory.u16[(entry + F_VLAN) / 2] = vlan;
      memory.setU32(entry + F_QUEUE, queueId);
      memory.setU32(entry + F_USED, 1);
      return;
    }
    const same =
      memory.getU32(entry + F_MAC_LOW) === low &&
      memory.u16[(entry + F_MAC_HIGH) / 2] === high &&
      memory.u16[(entry + F_VLAN) / 2] === vlan;
    if (same) return;
  }
}

/** Points an adapter at a table. On the adapter's thread, between two bursts. */
export function setFilterTable(
  views: MemoryViews,
  adapter: number,
  table: number,
  mask: number,
  macOnly: boolean,
): void {
  views.setU32(adapter + A_FILTERS, table);
  views.setU32(adapter + A_FILTER_MASK, mask);
  views.setU32(adapter + A_MAC_ONLY, macOnly ? 1 : 0);
}
