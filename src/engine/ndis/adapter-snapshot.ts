/**
 * The whole state of an adapter's NDIS layer as plain data: what a refused request must leave
 * unchanged (Appendix A 3 and 14). Logs and histories are not state.
 */
import type { AdapterState } from '../../contract/vmq';
import type { AdapterCore } from './adapter-core';
import type { AdvertisedCapabilities } from './capability-rules';
import type { ReceiveQueueParameters } from './queue-parameters';
import type { QueueState } from './queue-state';
import type { ReceiveFilter } from './receive-filter';

/** One queue. */
export interface NdisQueueSnapshot {
  readonly queueId: number;
  /** Name of the owner; `null` for the default queue. */
  readonly owner: string | null;
  readonly state: QueueState;
  readonly parameters: ReceiveQueueParameters;
}

/** One filter with the name of the binding that set it. */
export interface NdisFilterSnapshot {
  readonly owner: string;
  readonly filter: ReceiveFilter;
}

export interface NdisAdapterSnapshot {
  readonly state: AdapterState;
  readonly isHalted: boolean;
  readonly bindings: readonly string[];
  readonly queues: readonly NdisQueueSnapshot[];
  readonly filters: readonly NdisFilterSnapshot[];
  readonly lastQueueId: number;
  readonly lastFilterId: number;
  readonly capabilities: AdvertisedCapabilities;
}

export function adapterSnapshot(core: AdapterCore): NdisAdapterSnapshot {
  return {
    state: core.state,
    isHalted: core.state === 'halted',
    bindings: [...core.openBindings.values()].map((caller) => caller.name),
    queues: [...core.queues.values()].map((queue) => ({
      queueId: queue.queueId,
      owner: queue.owner?.name ?? null,
      state: queue.state,
      parameters: queue.parameters,
    })),
    filters: [...core.filters.values()].map(({ filter, owner }) => ({ owner: owner.name, filter })),
    lastQueueId: core.queueIds.last,
    lastFilterId: core.filterIds.last,
    capabilities: core.capabilities,
  };
}
