/**
 * NDIS_RECEIVE_QUEUE_PARAMETERS as typed data (`docs/vmq-reference.md` §3.5).
 *
 *     receiveQueueParameters({ processorAffinity: affinityOf(4), vmName: 'web-01', queueName: 'nic 0' })
 */
import type { GroupAffinity } from './group-affinity';

/** Id of the default queue, NDIS_DEFAULT_RECEIVE_QUEUE_ID (§3.9). */
export const DEFAULT_RECEIVE_QUEUE_ID = 0;

/** NDIS_RECEIVE_QUEUE_TYPE. */
export const QUEUE_TYPES = { unspecified: 0, vmQueue: 1 } as const;

/** Flags of a queue, prefix NDIS_RECEIVE_QUEUE_PARAMETERS_. The lower half says how it behaves. */
export const QUEUE_PARAMETER_FLAGS = {
  PER_QUEUE_RECEIVE_INDICATION: 0x0000_0001,
  LOOKAHEAD_SPLIT_REQUIRED: 0x0000_0002,
} as const;

/** The upper half of the flags says which members a set request or a status changes. */
export const QUEUE_CHANGE_FLAGS = {
  FLAGS_CHANGED: 0x0001_0000,
  PROCESSOR_AFFINITY_CHANGED: 0x0002_0000,
  SUGGESTED_RECV_BUFFER_NUMBERS_CHANGED: 0x0004_0000,
  NAME_CHANGED: 0x0008_0000,
  INTERRUPT_COALESCING_DOMAIN_ID_CHANGED: 0x0010_0000,
  QOS_SQ_ID_CHANGED: 0x0020_0000,
} as const;

/** NDIS_RECEIVE_QUEUE_PARAMETERS_CHANGE_MASK. */
export const QUEUE_CHANGE_MASK = 0xffff_0000;

/** Longest VM or queue name, in characters. */
export const MAX_QUEUE_NAME_LENGTH = 256;

/** The structure. Members of a newer revision than the structure's own are 0. */
export interface ReceiveQueueParameters {
  /** 1 = NDIS 6.20, 2 = NDIS 6.30, 3 = NDIS 6.50 (§11 point 13). */
  readonly revision: 1 | 2 | 3;
  /** Behaviour flags; in a set request also change flags. */
  readonly flags: number;
  readonly queueType: number;
  /** Given out by the NDIS layer; ignored on allocation. */
  readonly queueId: number;
  /** Reserved, 0. */
  readonly queueGroupId: number;
  readonly processorAffinity: GroupAffinity;
  /** A hint; 0 = no wish. */
  readonly numSuggestedReceiveBuffers: number;
  /** Filled by the miniport (§11 point 7); ignored on allocation. */
  readonly msixTableEntry: number;
  /** In bytes; 0 = never split. */
  readonly lookaheadSize: number;
  readonly vmName: string;
  readonly queueName: string;
  /** Revision 2: the switch port that the queue belongs to. */
  readonly portId: number;
  /** Revision 2: changed by the miniport only (§11 point 18). */
  readonly interruptCoalescingDomainId: number;
  /** Revision 3: scheduler queue; 0 = none. */
  readonly qosSqId: number;
}

/**
 * A set request: flags with change bits, and the members that they name. Members whose change bit
 * is clear are ignored, so a whole structure may be passed too.
 */
export type QueueParametersUpdate = Pick<ReceiveQueueParameters, 'flags'> &
  Partial<ReceiveQueueParameters>;

/** What an allocation must say; all else has a default. */
export type QueueParametersRequest = Pick<ReceiveQueueParameters, 'processorAffinity'> &
  Partial<ReceiveQueueParameters>;

/** Parameters for an allocation: a VM queue of revision 2 without wishes, unless told otherwise. */
export function receiveQueueParameters(request: QueueParametersRequest): ReceiveQueueParameters {
  return {
    revision: 2,
    flags: 0,
    queueType: QUEUE_TYPES.vmQueue,
    queueId: DEFAULT_RECEIVE_QUEUE_ID,
    queueGroupId: 0,
    numSuggestedReceiveBuffers: 0,
    msixTableEntry: 0,
    lookaheadSize: 0,
    vmName: '',
    queueName: '',
    portId: 0,
    interruptCoalescingDomainId: 0,
    qosSqId: 0,
    ...request,
  };
}
