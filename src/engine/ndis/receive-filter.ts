/**
 * A filter that exists, and what it does to frames: the reference for the adapter's filter table
 * (`docs/vmq-reference.md` §4.1, §4.4). Filters of one queue are alternatives; among overlapping
 * filters of several queues the lowest filter id wins, since no source defines an order (§4.1, §11
 * point 25).
 */
import type { MacAddress } from '../../shared/mac-address';
import type { FilterMatch, FilterVlan } from './filter-cases';
import type { ReceiveFilterParameters } from './filter-parameters';
import { DEFAULT_RECEIVE_QUEUE_ID } from './queue-parameters';

/** A filter with its id, as the miniport gets it. */
export interface ReceiveFilter extends FilterMatch {
  /** 1 to 65535, unique on the adapter. */
  readonly filterId: number;
  readonly queueId: number;
  /** What was asked for, with the id filled in. */
  readonly parameters: ReceiveFilterParameters;
}

/** What filters look at in a frame. */
export interface FilteredFrame {
  readonly destination: MacAddress;
  /** VLAN id of the tag; `null` for an untagged frame. */
  readonly vlanId: number | null;
}

/** Whether a filter matches a frame. A tag with VLAN 0 counts as untagged. */
export function matchesFrame(filter: FilterMatch, frame: FilteredFrame): boolean {
  if (filter.mac !== frame.destination) return false;
  if (filter.vlan === 'any') return true;
  if (filter.vlan === 'untagged-or-zero') return frame.vlanId === null || frame.vlanId === 0;
  return filter.vlan === frame.vlanId;
}

/** The queue of a frame: that of the lowest matching filter on a complete queue, else queue 0. */
export function assignQueue(
  filters: Iterable<ReceiveFilter>,
  isQueueComplete: (queueId: number) => boolean,
  frame: FilteredFrame,
): number {
  let winner: ReceiveFilter | undefined;
  for (const filter of filters) {
    if (winner !== undefined && winner.filterId < filter.filterId) continue;
    if (matchesFrame(filter, frame) && isQueueComplete(filter.queueId)) winner = filter;
  }
  return winner?.queueId ?? DEFAULT_RECEIVE_QUEUE_ID;
}

/** Two filters that match a common frame. */
export interface FilterOverlap {
  /** The filter that such a frame follows. */
  readonly winner: { readonly filterId: number; readonly queueId: number };
  readonly other: { readonly filterId: number; readonly queueId: number };
  /** Whether both match exactly the same frames. */
  readonly isDuplicate: boolean;
}

/** How two filters overlap, or `undefined` if no frame matches both. */
export function overlapOf(one: ReceiveFilter, other: ReceiveFilter): FilterOverlap | undefined {
  if (one.mac !== other.mac || !vlansMeet(one.vlan, other.vlan)) return undefined;
  const [winner, loser] = one.filterId < other.filterId ? [one, other] : [other, one];
  return {
    winner: { filterId: winner.filterId, queueId: winner.queueId },
    other: { filterId: loser.filterId, queueId: loser.queueId },
    isDuplicate: one.vlan === other.vlan,
  };
}

function vlansMeet(one: FilterVlan, other: FilterVlan): boolean {
  return one === other || one === 'any' || other === 'any';
}
