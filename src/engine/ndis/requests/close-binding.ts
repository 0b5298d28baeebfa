/**
 * The end of a binding and of the adapter (`docs/vmq-reference.md` §1.3, §3.8, Appendix A 15): a
 * protocol leaves nothing behind when it closes; at halt the layer frees what is left.
 */
import type { AdapterCore } from '../adapter-core';
import { DEFAULT_RECEIVE_QUEUE_ID } from '../queue-parameters';
import { NDIS_CALLER, type Caller } from '../request-log';
import { NdisStatusError } from '../status';
import { clearFilter } from './clear-filter';
import { freeQueue } from './free-queue';

/** Closes a binding that owns neither queue nor filter any more. */
export function closeBinding(core: AdapterCore, caller: Caller): void {
  const queues = [...core.queues.values()].filter(
    (queue) => queue.owner?.bindingId === caller.bindingId,
  );
  const filters = [...core.filters.values()].filter(
    (record) => record.owner.bindingId === caller.bindingId,
  );
  if (queues.length + filters.length > 0) {
    throw new NdisStatusError('NdisCloseAdapterEx', {
      status: 'NDIS_STATUS_INVALID_PARAMETER',
      expected: `a binding of ${caller.name} without queues and filters`,
      found: `${queues.length} queue(s) and ${filters.length} filter(s)`,
      remedy: 'Clear the filters, then free the queues.',
    });
  }
  core.openBindings.delete(caller.bindingId);
}

/**
 * Clears all filters, frees all queues and closes all bindings. A miniport that refuses cannot keep
 * the adapter alive: the refusal becomes a warning and the record goes anyway.
 */
export async function takeEverything(core: AdapterCore): Promise<void> {
  for (const { filter, owner } of [...core.filters.values()]) {
    await leftOver(core, filter.queueId, () =>
      clearFilter(core, owner, filter.queueId, filter.filterId),
    );
    core.filters.delete(filter.filterId);
  }
  for (const queue of [...core.queues.values()]) {
    if (queue.queueId === DEFAULT_RECEIVE_QUEUE_ID) continue;
    await leftOver(core, queue.queueId, () =>
      freeQueue(core, queue.owner ?? NDIS_CALLER, queue.queueId),
    );
    core.queues.delete(queue.queueId);
  }
  core.openBindings.clear();
}

async function leftOver(
  core: AdapterCore,
  queueId: number,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    const text = `End of ${core.name}, queue ${queueId}: ${String(error)}`;
    core.warnings.emit({ kind: 'miniport-fault', text, queueId });
  }
}
