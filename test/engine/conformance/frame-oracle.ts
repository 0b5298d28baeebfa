/**
 * The simplest thing that behaves as an adapter with its switch does: the oracle of random sequences
 * of requests and frames. It derives states from facts, knows no table, and looks at no engine code.
 */
import type { QueueState } from '../../../src/contract/host';
import type { NdisStatus } from '../../../src/engine/ndis/status';

export type OracleVlan = number | 'untagged-or-zero' | 'any';

/** A VM's NIC: its address, and its VLAN (0: untagged). */
export interface OraclePort {
  readonly mac: string;
  readonly vlan: number;
}

export interface OracleFrame {
  readonly mac: string;
  /** VLAN id of the tag; null: untagged. */
  readonly vlanId: number | null;
}

interface OracleQueue {
  readonly owner: number;
  readonly port: number;
  isComplete: boolean;
  processor: number;
}

interface OracleFilter {
  readonly owner: number;
  readonly queueId: number;
  readonly mac: string;
  readonly vlan: OracleVlan;
}

export interface OracleLimits {
  readonly queues: number;
  readonly filters: number;
}

const OK = 'NDIS_STATUS_SUCCESS';
const INVALID = 'NDIS_STATUS_INVALID_PARAMETER';
const RESOURCES = 'NDIS_STATUS_RESOURCES';

export class FrameOracle {
  readonly queues = new Map<number, OracleQueue>();
  readonly filters = new Map<number, OracleFilter>();
  frees = 0;

  constructor(
    readonly ports: readonly OraclePort[],
    readonly limits: OracleLimits,
  ) {}

  /** A copy that can be changed. */
  clone(): FrameOracle {
    const copy = new FrameOracle(this.ports, this.limits);
    for (const [id, queue] of this.queues) copy.queues.set(id, { ...queue });
    for (const [id, filter] of this.filters) copy.filters.set(id, filter);
    return copy;
  }

  // ── Requests ──────────────────────────────────────────────────────────────────────────────────

  allocate(): NdisStatus {
    return this.queues.size < this.limits.queues ? OK : RESOURCES;
  }

  complete(owner: number, queueId: number): NdisStatus {
    const queue = this.queues.get(queueId);
    return queue?.owner === owner && !queue.isComplete ? OK : INVALID;
  }

  setFilter(owner: number, queueId: number): NdisStatus {
    if (queueId !== 0 && this.queues.get(queueId)?.owner !== owner) return INVALID;
    return this.filters.size < this.limits.filters ? OK : RESOURCES;
  }

  clearFilter(owner: number, queueId: number, filterId: number): NdisStatus {
    const filter = this.filters.get(filterId);
    if (filter === undefined) return 'NDIS_STATUS_FILE_NOT_FOUND';
    return filter.queueId === queueId && filter.owner === owner ? OK : INVALID;
  }

  move(owner: number, queueId: number): NdisStatus {
    return this.queues.get(queueId)?.owner === owner ? OK : INVALID;
  }

  free(owner: number, queueId: number): NdisStatus {
    const isOwn = this.queues.get(queueId)?.owner === owner;
    return isOwn && this.filtersOf(queueId).length === 0 ? OK : INVALID;
  }

  /** Whether a binding may close: it owns nothing. */
  close(owner: number): NdisStatus {
    const owned = [...this.queues.values(), ...this.filters.values()];
    return owned.some((one) => one.owner === owner) ? INVALID : OK;
  }

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

  // ── Frames ────────────────────────────────────────────────────────────────────────────────────

  /** The queue of a frame: that of the lowest matching filter whose queue is complete, else 0. */
  queueOf(frame: OracleFrame): number {
    const winner = [...this.filters]
      .filter(([, filter]) => matches(filter, frame))
      .filter(([, { queueId }]) => queueId === 0 || this.queues.get(queueId)?.isComplete === true)
      .sort(([one], [other]) => one - other)[0];
    return winner?.[1].queueId ?? 0;
  }

  /** The ports that are given a frame; with none it is dropped. */
  receiversOf(frame: OracleFrame): readonly number[] {
    const queue = this.queues.get(this.queueOf(frame));
    const vlan = frame.vlanId ?? 0;
    if (queue !== undefined && this.ports[queue.port]?.vlan === vlan) return [queue.port];
    const inVlan = [...this.ports.keys()].filter((port) => this.ports[port]?.vlan === vlan);
    const known = inVlan.find((port) => this.ports[port]?.mac === frame.mac);
    return known === undefined ? inVlan : [known];
  }
}

function matches(filter: OracleFilter, frame: OracleFrame): boolean {
  if (filter.mac !== frame.mac) return false;
  if (filter.vlan === 'any') return true;
  if (filter.vlan === 'untagged-or-zero') return (frame.vlanId ?? 0) === 0;
  return frame.vlanId === filter.vlan;
}
