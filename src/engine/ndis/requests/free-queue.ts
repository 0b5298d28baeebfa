/**
 * OID_RECEIVE_FILTER_FREE_QUEUE (`docs/vmq-reference.md` §3.8):
 *
 *     0  the caller has cleared all filters                       Allocated or Paused
 *     1  the miniport stops DMA                                   StopDma
 *     2  it says so; the status DmaStopped goes up, exactly once  Freeing
 *     3  it waits until all buffers are back
 *     4  it gives buffers, rings and thread up
 *     5  the request completes; the id is free                    Undefined
 */
import type { AdapterCore } from '../adapter-core';
import { callMiniport, requireSuccess } from '../miniport-call';
import type { ReceiveQueue } from '../queue';
import { DEFAULT_RECEIVE_QUEUE_ID } from '../queue-parameters';
import type { Caller } from '../request-log';
import { NdisStatusError, invalidParameter } from '../status';

const OID = 'OID_RECEIVE_FILTER_FREE_QUEUE';

/** Frees a queue of `caller`; resolves when its buffers are back. */
export async function freeQueue(core: AdapterCore, caller: Caller, queueId: number): Promise<void> {
  if (queueId === DEFAULT_RECEIVE_QUEUE_ID) {
    throw new NdisStatusError(
      OID,
      invalidParameter('queueId', '1 or more', '0, the default queue'),
    );
  }
  const queue = core.requireOwnQueue(OID, caller, queueId);
  core.requireLegal(OID, queue, 'FREE_QUEUE');
  await stopAndFree(core, queue);
}

/** Steps 1 to 5 for a queue without filters. */
async function stopAndFree(core: AdapterCore, queue: ReceiveQueue): Promise<void> {
  const before = queue.state;
  let hasEnded = false;
  const onDmaStopped = (): void => {
    if (hasEnded || queue.state !== 'StopDma') faultyStop(core, queue);
    else dmaStopped(core, queue);
  };
  core.apply(queue, 'FREE_QUEUE');
  try {
    const call = () => core.miniport.freeQueue(queue.queueId, onDmaStopped);
    requireSuccess(OID, await callMiniport(OID, call));
  } catch (error) {
    refuseFree(core, queue, before);
    throw error;
  } finally {
    hasEnded = true;
  }
  if (queue.state === 'StopDma') {
    fault(core, queue, 'completed the free without having said that DMA had stopped');
    dmaStopped(core, queue);
  }
  core.queues.delete(queue.queueId);
  core.retired.add(queue);
  core.apply(queue, 'RESOURCES_FREED');
}

/** Step 2: the one status indication of a free. */
function dmaStopped(core: AdapterCore, queue: ReceiveQueue): void {
  core.apply(queue, 'DMA_STOPPED');
  core.indications.emit({
    status: 'NDIS_STATUS_RECEIVE_QUEUE_STATE',
    queueId: queue.queueId,
    queueState: 'DmaStopped',
  });
}

/** A second call, or one after the free has ended, is a fault of the miniport and is not passed on. */
function faultyStop(core: AdapterCore, queue: ReceiveQueue): void {
  fault(core, queue, `said that DMA had stopped while the queue was in ${queue.state}`);
}

/** Before DMA has stopped, the queue is as it was. After it there is no way back: the queue is stuck. */
function refuseFree(core: AdapterCore, queue: ReceiveQueue, before: ReceiveQueue['state']): void {
  if (queue.state === 'StopDma') core.move(queue, 'FREE_REFUSED', before);
  else fault(core, queue, 'failed to free it after DMA had stopped; the queue stays in Freeing');
}

function fault(core: AdapterCore, queue: ReceiveQueue, what: string): void {
  const text = `Queue ${queue.queueId} of ${core.name}: the miniport ${what}.`;
  core.warnings.emit({ kind: 'miniport-fault', text, queueId: queue.queueId });
}
