/** OID_RECEIVE_FILTER_ALLOCATE_QUEUE (`docs/vmq-reference.md` §3.4). */
import type { AdapterCore } from '../adapter-core';
import { hasVmQueues, type ReceiveFilterCapabilities } from '../capabilities';
import { callMiniport, requireSuccess } from '../miniport-call';
import type { ReceiveQueue } from '../queue';
import type { ReceiveQueueParameters } from '../queue-parameters';
import { allocatedParameters, allocationFault } from '../queue-parameter-rules';
import type { Caller } from '../request-log';
import { NdisStatusError } from '../status';

const OID = 'OID_RECEIVE_FILTER_ALLOCATE_QUEUE';

/** Makes a queue in Allocated and answers its id. */
export async function allocateQueue(
  core: AdapterCore,
  caller: Caller,
  requested: ReceiveQueueParameters,
): Promise<number> {
  const current = requireVmQueues(core);
  const fault = allocationFault(requested, { current, processors: core.processors });
  if (fault) throw new NdisStatusError(OID, fault);
  const queueId = requireFreeQueue(core, current);
  const parameters = allocatedParameters(requested, queueId, current);
  const outcome = await callMiniport(OID, () => core.miniport.allocateQueue(queueId, parameters));
  requireSuccess(OID, outcome.status);
  addQueue(core, caller, {
    ...parameters,
    msixTableEntry: outcome.msixTableEntry ?? 0,
    interruptCoalescingDomainId: outcome.interruptCoalescingDomainId ?? 0,
  });
  return queueId;
}

function requireVmQueues(core: AdapterCore): ReceiveFilterCapabilities {
  const current = core.requireCurrent(OID);
  if (hasVmQueues(current)) return current;
  throw new NdisStatusError(OID, {
    status: 'NDIS_STATUS_NOT_SUPPORTED',
    expected: 'an adapter with VM queues enabled',
    found: `${core.name} without them`,
  });
}

function requireFreeQueue(core: AdapterCore, current: ReceiveFilterCapabilities): number {
  const used = core.queues.size - 1;
  const queueId = core.queueIds.peek((id) => core.queues.has(id));
  if (used < current.numQueues && queueId !== undefined) return queueId;
  throw new NdisStatusError(OID, {
    status: 'NDIS_STATUS_RESOURCES',
    expected: `fewer than ${current.numQueues} VM queues in use`,
    found: `${used} in use`,
    remedy: 'Free a queue of the adapter, or use the default queue.',
  });
}

function addQueue(core: AdapterCore, caller: Caller, parameters: ReceiveQueueParameters): void {
  const { queueId } = parameters;
  const queue: ReceiveQueue = {
    queueId,
    owner: caller,
    state: 'Undefined',
    parameters,
    history: core.newHistory(),
  };
  core.queueIds.take(queueId);
  core.queues.set(queueId, queue);
  core.apply(queue, 'ALLOCATE_QUEUE');
}
