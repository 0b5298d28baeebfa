/**
 * OID_RECEIVE_FILTER_QUEUE_ALLOCATION_COMPLETE (`docs/vmq-reference.md` §3.4): closes a batch. Each
 * queue has its own completion status; the request as a whole succeeds even when some queue failed
 * (Appendix A 18). A queue that failed stays as it was and can be completed again.
 */
import type { AdapterCore } from '../adapter-core';
import { callMiniport } from '../miniport-call';
import type { QueueCompletion } from '../miniport';
import type { ReceiveQueue } from '../queue';
import type { Caller } from '../request-log';
import { NdisStatusError, invalidParameter, type NdisStatus } from '../status';

const OID = 'OID_RECEIVE_FILTER_QUEUE_ALLOCATION_COMPLETE';

/** What became of one queue of the batch. */
export interface QueueCompletionResult {
  readonly queueId: number;
  readonly completionStatus: NdisStatus;
  /** Why it was not completed; empty when it was. */
  readonly reason: string;
}

/** Completes a batch and answers one result per element, in the order given. */
export async function completeAllocation(
  core: AdapterCore,
  caller: Caller,
  queueIds: readonly number[],
): Promise<readonly QueueCompletionResult[]> {
  if (queueIds.length === 0) {
    throw new NdisStatusError(OID, invalidParameter('queueIds', 'at least one queue', 'none'));
  }
  const elements = queueIds.map((queueId, index) =>
    checkElement(core, caller, queueIds, index, queueId),
  );
  const accepted = elements.filter((element): element is ReceiveQueue => 'state' in element);
  const statuses = await askMiniport(core, accepted);
  const results = new Map(
    accepted.map((queue, index) => [queue, settle(core, queue, statuses[index])]),
  );
  return elements.map((element) =>
    'state' in element ? (results.get(element) ?? noAnswer(element)) : element,
  );
}

/** The queue of an element, or the result with which the element alone is refused. */
function checkElement(
  core: AdapterCore,
  caller: Caller,
  queueIds: readonly number[],
  index: number,
  queueId: number,
): ReceiveQueue | QueueCompletionResult {
  try {
    const queue = core.requireOwnQueue(OID, caller, queueId);
    core.requireLegal(OID, queue, 'ALLOCATION_COMPLETE');
    if (queueIds.indexOf(queueId) === index) return queue;
    throw new NdisStatusError(
      OID,
      invalidParameter('queueIds', 'each queue once', `queue ${queueId} twice`),
    );
  } catch (error) {
    if (!(error instanceof NdisStatusError)) throw error;
    return { queueId, completionStatus: error.status, reason: error.refusal.why };
  }
}

async function askMiniport(
  core: AdapterCore,
  accepted: readonly ReceiveQueue[],
): Promise<readonly NdisStatus[]> {
  if (accepted.length === 0) return [];
  const completions = accepted.map((queue): QueueCompletion => ({
    queueId: queue.queueId,
    filters: core.filtersOf(queue.queueId).map((record) => record.filter),
  }));
  return callMiniport(OID, () => core.miniport.completeAllocation(completions));
}

function settle(
  core: AdapterCore,
  queue: ReceiveQueue,
  status: NdisStatus | undefined,
): QueueCompletionResult {
  if (status === undefined) return noAnswer(queue);
  if (status === 'NDIS_STATUS_SUCCESS') core.apply(queue, 'ALLOCATION_COMPLETE');
  const reason = status === 'NDIS_STATUS_SUCCESS' ? '' : `the adapter answered ${status}`;
  return { queueId: queue.queueId, completionStatus: status, reason };
}

function noAnswer(queue: ReceiveQueue): QueueCompletionResult {
  const reason = 'the adapter gave no status for this queue';
  return { queueId: queue.queueId, completionStatus: 'NDIS_STATUS_FAILURE', reason };
}
