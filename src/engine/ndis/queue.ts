/**
 * A receive queue as the NDIS layer knows it, its history, and what an enumeration says about it
 * (`docs/vmq-reference.md` §3.10).
 */
import type { BoundedLog } from './bounded-log';
import type { GroupAffinity } from './group-affinity';
import type { ReceiveQueueParameters } from './queue-parameters';
import {
  operationalState,
  type QueueEvent,
  type QueueOperationalState,
  type QueueState,
} from './queue-state';
import type { Caller } from './request-log';

/** One move through the table of §3.2; a request that changes no state is one too. */
export interface QueueTransition {
  readonly timeMs: number;
  readonly queueId: number;
  /** `FREE_REFUSED` takes back FREE_QUEUE when the miniport refuses it (§3.8). */
  readonly event: QueueEvent | 'FREE_REFUSED';
  readonly from: QueueState;
  readonly to: QueueState;
}

/** The record of one queue. */
export interface ReceiveQueue {
  readonly queueId: number;
  /** The binding that allocated it; `null` for the default queue, which nobody owns (§3.9). */
  readonly owner: Caller | null;
  state: QueueState;
  /** The cached parameters, from which queries are answered. */
  parameters: ReceiveQueueParameters;
  readonly history: BoundedLog<QueueTransition>;
}

/** NDIS_RECEIVE_QUEUE_INFO, with the exact state besides the outward one. */
export interface ReceiveQueueInfo {
  readonly queueType: number;
  readonly queueId: number;
  readonly queueGroupId: number;
  readonly queueState: QueueOperationalState;
  /** Not part of the structure: the state of §3.1 behind the outward one. */
  readonly exactState: QueueState;
  readonly processorAffinity: GroupAffinity;
  readonly numSuggestedReceiveBuffers: number;
  readonly msixTableEntry: number;
  readonly lookaheadSize: number;
  readonly vmName: string;
  readonly queueName: string;
  /** Filters of this queue (§11 point 15). */
  readonly numFilters: number;
  readonly interruptCoalescingDomainId: number;
}

/** What an enumeration says about a queue. */
export function queueInfo(queue: ReceiveQueue, numFilters: number): ReceiveQueueInfo {
  const { parameters } = queue;
  return {
    queueType: parameters.queueType,
    queueId: queue.queueId,
    queueGroupId: parameters.queueGroupId,
    queueState: operationalState(queue.state),
    exactState: queue.state,
    processorAffinity: parameters.processorAffinity,
    numSuggestedReceiveBuffers: parameters.numSuggestedReceiveBuffers,
    msixTableEntry: parameters.msixTableEntry,
    lookaheadSize: parameters.lookaheadSize,
    vmName: parameters.vmName,
    queueName: parameters.queueName,
    numFilters,
    interruptCoalescingDomainId: parameters.interruptCoalescingDomainId,
  };
}
