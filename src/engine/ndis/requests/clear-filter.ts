/** OID_RECEIVE_FILTER_CLEAR_FILTER (`docs/vmq-reference.md` §4.7). */
import type { AdapterCore, FilterRecord } from '../adapter-core';
import { callMiniport, requireSuccess } from '../miniport-call';
import { DEFAULT_RECEIVE_QUEUE_ID } from '../queue-parameters';
import type { Caller } from '../request-log';
import { NdisStatusError, invalidParameter } from '../status';

const OID = 'OID_RECEIVE_FILTER_CLEAR_FILTER';

/** Clears a filter of `caller`. When the last one of a queue is cleared, the queue is empty. */
export async function clearFilter(
  core: AdapterCore,
  caller: Caller,
  queueId: number,
  filterId: number,
): Promise<void> {
  const record = requireOwnFilter(core, caller, queueId, filterId);
  const queue = core.requireQueue(OID, queueId);
  const last = core.filtersOf(queueId).length === 1;
  const event = last ? 'CLEAR_LAST_FILTER' : 'CLEAR_FILTER';
  if (queueId !== DEFAULT_RECEIVE_QUEUE_ID) core.requireLegal(OID, queue, event);
  requireSuccess(
    OID,
    await callMiniport(OID, () => core.miniport.clearFilter(record.filter, last)),
  );
  core.filters.delete(filterId);
  core.apply(queue, event);
}

function requireOwnFilter(
  core: AdapterCore,
  caller: Caller,
  queueId: number,
  filterId: number,
): FilterRecord {
  const record = core.filters.get(filterId);
  if (record === undefined) {
    const fault = invalidParameter('filterId', 'a filter that exists', String(filterId));
    throw new NdisStatusError(OID, { ...fault, status: 'NDIS_STATUS_FILE_NOT_FOUND' });
  }
  if (record.filter.queueId !== queueId) {
    const expected = `${record.filter.queueId}, the queue of filter ${filterId}`;
    throw new NdisStatusError(OID, invalidParameter('queueId', expected, String(queueId)));
  }
  if (record.owner.bindingId === caller.bindingId) return record;
  const found = `filter ${filterId} of ${record.owner.name}`;
  throw new NdisStatusError(OID, invalidParameter('filterId', `a filter of ${caller.name}`, found));
}
