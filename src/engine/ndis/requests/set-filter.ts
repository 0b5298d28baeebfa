/** OID_RECEIVE_FILTER_SET_FILTER (`docs/vmq-reference.md` §4.6). */
import type { AdapterCore } from '../adapter-core';
import { hasVlanFiltering, type ReceiveFilterCapabilities } from '../capabilities';
import { filterCaseOf, type FilterMatch } from '../filter-cases';
import type { ReceiveFilterParameters } from '../filter-parameters';
import { filterFormFault } from '../filter-rules';
import { callMiniport, requireSuccess } from '../miniport-call';
import type { ReceiveQueue } from '../queue';
import { DEFAULT_RECEIVE_QUEUE_ID } from '../queue-parameters';
import { isComplete } from '../queue-state';
import { overlapOf, type FilterOverlap, type ReceiveFilter } from '../receive-filter';
import type { Caller } from '../request-log';
import { NdisStatusError } from '../status';

const OID = 'OID_RECEIVE_FILTER_SET_FILTER';

/** Sets a filter and answers its id. Anybody may do so on the default queue (§3.9). */
export async function setFilter(
  core: AdapterCore,
  caller: Caller,
  requested: ReceiveFilterParameters,
): Promise<number> {
  const current = core.requireCurrent(OID);
  const queue = requireTargetQueue(core, caller, requested.queueId);
  const match = requireMatch(core, requested, current);
  const filterId = requireFreeFilter(core, current);
  const filter = {
    ...match,
    filterId,
    queueId: queue.queueId,
    parameters: { ...requested, filterId },
  };
  const activate = isComplete(queue.state);
  requireSuccess(OID, await callMiniport(OID, () => core.miniport.setFilter(filter, activate)));
  core.filterIds.take(filterId);
  core.filters.set(filterId, { filter, owner: caller });
  core.apply(queue, 'SET_FILTER');
  warnOfOverlaps(core, filter);
  return filterId;
}

function requireTargetQueue(core: AdapterCore, caller: Caller, queueId: number): ReceiveQueue {
  if (queueId === DEFAULT_RECEIVE_QUEUE_ID) return core.requireQueue(OID, queueId);
  const queue = core.requireOwnQueue(OID, caller, queueId);
  core.requireLegal(OID, queue, 'SET_FILTER');
  return queue;
}

function requireMatch(
  core: AdapterCore,
  requested: ReceiveFilterParameters,
  current: ReceiveFilterCapabilities,
): FilterMatch {
  const formFault = filterFormFault(requested);
  if (formFault) throw new NdisStatusError(OID, formFault);
  const outcome = filterCaseOf(requested, {
    ndisVersion: core.ndisVersion,
    vlanFiltering: hasVlanFiltering(current),
    acceptsMacOnly: core.acceptsMacOnlyFilters,
  });
  if ('fault' in outcome) throw new NdisStatusError(OID, outcome.fault);
  return outcome.match;
}

function requireFreeFilter(core: AdapterCore, current: ReceiveFilterCapabilities): number {
  const filterId = core.filterIds.peek((id) => core.filters.has(id));
  if (core.filters.size < current.maxMacHeaderFilters && filterId !== undefined) return filterId;
  throw new NdisStatusError(OID, {
    status: 'NDIS_STATUS_RESOURCES',
    expected: `fewer than ${current.maxMacHeaderFilters} filters on the adapter`,
    found: `${core.filters.size}`,
    remedy: 'Clear a filter of the adapter first.',
  });
}

function warnOfOverlaps(core: AdapterCore, filter: ReceiveFilter): void {
  for (const { filter: other } of core.filters.values()) {
    const overlap = other === filter ? undefined : overlapOf(filter, other);
    if (overlap)
      core.warnings.emit({ kind: 'filter-overlap', text: overlapText(overlap), overlap });
  }
}

function overlapText({ winner, other, isDuplicate }: FilterOverlap): string {
  const relation = isDuplicate ? 'match the same frames' : 'overlap';
  return (
    `Filter ${winner.filterId} of queue ${winner.queueId} and filter ${other.filterId} of queue ` +
    `${other.queueId} ${relation}; filter ${winner.filterId} wins.`
  );
}
