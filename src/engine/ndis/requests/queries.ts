/**
 * The seven request forms that the NDIS layer answers from its cache (`docs/vmq-reference.md` §9.1);
 * the miniport never sees them.
 */
import type { AdapterCore } from '../adapter-core';
import type { ReceiveFilterCapabilities, ReceiveFilterGlobalParameters } from '../capabilities';
import type { ReceiveFilterParameters } from '../filter-parameters';
import { queueInfo, type ReceiveQueueInfo } from '../queue';
import { DEFAULT_RECEIVE_QUEUE_ID, type ReceiveQueueParameters } from '../queue-parameters';
import type { OidName } from '../oid';
import type { QueueEvent } from '../queue-state';
import type { Caller } from '../request-log';
import { NdisStatusError, invalidParameter } from '../status';

/** NDIS_RECEIVE_FILTER_INFO, with the queue that was asked about. */
export interface ReceiveFilterInfo {
  readonly filterType: number;
  readonly filterId: number;
  readonly queueId: number;
}

/** OID_RECEIVE_FILTER_HARDWARE_CAPABILITIES */
export function hardwareCapabilities(core: AdapterCore): ReceiveFilterCapabilities {
  return core.capabilities.hardware;
}

/** OID_RECEIVE_FILTER_CURRENT_CAPABILITIES; refused when all of it is off. */
export function currentCapabilities(core: AdapterCore): ReceiveFilterCapabilities {
  return core.requireCurrent('OID_RECEIVE_FILTER_CURRENT_CAPABILITIES');
}

/** OID_RECEIVE_FILTER_GLOBAL_PARAMETERS (§2.5) */
export function globalParameters(core: AdapterCore): ReceiveFilterGlobalParameters {
  const { current } = core.capabilities;
  return {
    flags: 0,
    enabledFilterTypes: current?.enabledFilterTypes ?? 0,
    enabledQueueTypes: current?.enabledQueueTypes ?? 0,
  };
}

/** OID_RECEIVE_FILTER_ENUM_QUEUES: a protocol sees its own queues, a tool all of them (§3.10). */
export function enumQueues(
  core: AdapterCore,
  protocol: Caller | null,
): readonly ReceiveQueueInfo[] {
  return [...core.queues.values()]
    .filter((queue) => protocol === null || queue.owner?.bindingId === protocol.bindingId)
    .sort((one, other) => one.queueId - other.queueId)
    .map((queue) => queueInfo(queue, core.filtersOf(queue.queueId).length));
}

/** The method form of OID_RECEIVE_FILTER_QUEUE_PARAMETERS: for any queue, by anybody. */
export function queueParameters(core: AdapterCore, queueId: number): ReceiveQueueParameters {
  const oid = 'OID_RECEIVE_FILTER_QUEUE_PARAMETERS';
  requireQueueFor(core, oid, queueId, 'QUERY_QUEUE_PARAMETERS');
  return core.requireQueue(oid, queueId).parameters;
}

/** OID_RECEIVE_FILTER_ENUM_FILTERS (§4.9); queue 0 is allowed. */
export function enumFilters(core: AdapterCore, queueId: number): readonly ReceiveFilterInfo[] {
  requireQueueFor(core, 'OID_RECEIVE_FILTER_ENUM_FILTERS', queueId, 'ENUM_FILTERS');
  return core.filtersOf(queueId).map(({ filter }) => ({
    filterType: filter.parameters.filterType,
    filterId: filter.filterId,
    queueId,
  }));
}

/** OID_RECEIVE_FILTER_PARAMETERS (§4.9): the whole block of a filter. */
export function filterParametersOf(core: AdapterCore, filterId: number): ReceiveFilterParameters {
  const oid = 'OID_RECEIVE_FILTER_PARAMETERS';
  const record = core.filters.get(filterId);
  if (record === undefined) {
    throw new NdisStatusError(
      oid,
      invalidParameter('filterId', 'a filter that exists', String(filterId)),
    );
  }
  requireQueueFor(core, oid, record.filter.queueId, 'FILTER_PARAMETERS');
  return record.filter.parameters;
}

function requireQueueFor(
  core: AdapterCore,
  oid: OidName,
  queueId: number,
  event: QueueEvent,
): void {
  const queue = core.requireQueue(oid, queueId);
  if (queueId !== DEFAULT_RECEIVE_QUEUE_ID) core.requireLegal(oid, queue, event);
}
