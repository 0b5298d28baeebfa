/**
 * The simplest thing that behaves like the NDIS layer: the oracle of the random sequence test. It
 * derives states from two facts per queue, as §3.1 explains them, and knows nothing of the table.
 */
import type { QueueState } from '../../../src/contract/host';
import type { NdisStatus } from '../../../src/engine/ndis/status';

export interface ModelQueue {
  readonly owner: number;
  isComplete: boolean;
  name: string;
}

export interface ModelFilter {
  readonly owner: number;
  readonly queueId: number;
  readonly mac: number;
  readonly vlan: number | null;
}

/** What a request is expected to answer. */
export type Verdict = NdisStatus;

const OK = 'NDIS_STATUS_SUCCESS';
const INVALID = 'NDIS_STATUS_INVALID_PARAMETER';

export class ReferenceModel {
  readonly queues = new Map<number, ModelQueue>();
  readonly filters = new Map<number, ModelFilter>();
  frees = 0;

  constructor(
    readonly numQueues: number,
    readonly maxFilters: number,
  ) {}

  filtersOf(queueId: number): readonly number[] {
    return [...this.filters].filter(([, filter]) => filter.queueId === queueId).map(([id]) => id);
  }

  /** §3.1: completed? × has filters? */
  stateOf(queueId: number): QueueState {
    if (queueId === 0) return 'Running';
    const queue = this.queues.get(queueId);
    if (queue === undefined) return 'Undefined';
    const hasFilters = this.filtersOf(queueId).length > 0;
    if (queue.isComplete) return hasFilters ? 'Running' : 'Paused';
    return hasFilters ? 'Set' : 'Allocated';
  }

  allocate(): Verdict {
    return this.queues.size < this.numQueues ? OK : 'NDIS_STATUS_RESOURCES';
  }

  setFilter(owner: number, queueId: number): Verdict {
    if (queueId !== 0 && this.queues.get(queueId)?.owner !== owner) return INVALID;
    return this.filters.size < this.maxFilters ? OK : 'NDIS_STATUS_RESOURCES';
  }

  clearFilter(owner: number, queueId: number, filterId: number): Verdict {
    const filter = this.filters.get(filterId);
    if (filter === undefined) return 'NDIS_STATUS_FILE_NOT_FOUND';
    return filter.queueId === queueId && filter.owner === owner ? OK : INVALID;
  }

  complete(owner: number, queueId: number): Verdict {
    const queue = this.queues.get(queueId);
    return queue?.owner === owner && !queue.isComplete ? OK : INVALID;
  }

  changeName(owner: number, queueId: number): Verdict {
    return this.queues.get(queueId)?.owner === owner ? OK : INVALID;
  }

  free(owner: number, queueId: number): Verdict {
    const isOwn = this.queues.get(queueId)?.owner === owner;
    return isOwn && this.filtersOf(queueId).length === 0 ? OK : INVALID;
  }

  /** The queue of a frame: lowest matching filter of a complete queue, else 0. */
  queueOf(mac: number, vlanId: number | null): number {
    const matching = [...this.filters]
      .filter(([, filter]) => filter.mac === mac && (filter.vlan ?? 0) === (vlanId ?? 0))
      .filter(([, { queueId }]) => queueId === 0 || this.queues.get(queueId)?.isComplete === true)
      .sort(([one], [other]) => one - other);
    return matching[0]?.[1].queueId ?? 0;
  }
}
