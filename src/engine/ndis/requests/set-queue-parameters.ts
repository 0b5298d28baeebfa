/**
 * The set form of OID_RECEIVE_FILTER_QUEUE_PARAMETERS (`docs/vmq-reference.md` §3.5): the owner
 * changes the members whose change bit is set, and only those.
 */
import type { AdapterCore } from '../adapter-core';
import { callMiniport, requireSuccess } from '../miniport-call';
import type { QueueParametersUpdate } from '../queue-parameters';
import { changeBits, updateFault, updatedParameters } from '../queue-parameter-rules';
import type { Caller } from '../request-log';
import { NdisStatusError } from '../status';

const OID = 'OID_RECEIVE_FILTER_QUEUE_PARAMETERS';

export async function setQueueParameters(
  core: AdapterCore,
  caller: Caller,
  queueId: number,
  update: QueueParametersUpdate,
): Promise<void> {
  const current = core.requireCurrent(OID);
  const queue = core.requireOwnQueue(OID, caller, queueId);
  core.requireLegal(OID, queue, 'SET_QUEUE_PARAMETERS');
  const fault = updateFault(queue.parameters, update, { current, processors: core.processors });
  if (fault) throw new NdisStatusError(OID, fault);
  const changed = changeBits(update);
  if (changed === 0) return;
  const parameters = updatedParameters(queue.parameters, update, current);
  const call = () => core.miniport.setQueueParameters(queueId, parameters, changed);
  requireSuccess(OID, await callMiniport(OID, call));
  // The miniport may have changed what is its own meanwhile.
  const { interruptCoalescingDomainId } = queue.parameters;
  queue.parameters = { ...parameters, interruptCoalescingDomainId };
  core.apply(queue, 'SET_QUEUE_PARAMETERS');
}
