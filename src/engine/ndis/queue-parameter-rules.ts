/**
 * What may be asked of a queue: the checks on an allocation and on a change of parameters
 * (`docs/vmq-reference.md` §3.4, §3.5, §3.11, §5.3). Pure; a fault or the parameters in effect.
 *
 * A feature that is not advertised is answered with INVALID_PARAMETER throughout (§9.4 leaves the
 * choice); NOT_SUPPORTED is kept for a scheduler queue, as §3.5 says, and for an adapter without VMQ.
 */
import {
  hasBits,
  hasDynamicAffinity,
  hasLookaheadSplit,
  ndisVersionOf,
  type ReceiveFilterCapabilities,
} from './capabilities';
import { formatAffinity, processorsOf, sameAffinity, type GroupAffinity } from './group-affinity';
import {
  MAX_QUEUE_NAME_LENGTH,
  QUEUE_CHANGE_FLAGS,
  QUEUE_CHANGE_MASK,
  QUEUE_PARAMETER_FLAGS,
  QUEUE_TYPES,
  type QueueParametersUpdate,
  type ReceiveQueueParameters,
} from './queue-parameters';
import { invalidParameter, type RequestFault } from './status';

/** What the checks depend on. */
export interface QueueParameterRules {
  readonly current: ReceiveFilterCapabilities;
  /** Logical processors that queues may use; `undefined` = every processor. */
  readonly processors: readonly number[] | undefined;
}

const BEHAVIOUR_FLAGS =
  QUEUE_PARAMETER_FLAGS.PER_QUEUE_RECEIVE_INDICATION |
  QUEUE_PARAMETER_FLAGS.LOOKAHEAD_SPLIT_REQUIRED;

/** Everything that the owner of a queue may change; the coalescing domain is the miniport's. */
const OWNER_CHANGES =
  QUEUE_CHANGE_FLAGS.FLAGS_CHANGED |
  QUEUE_CHANGE_FLAGS.PROCESSOR_AFFINITY_CHANGED |
  QUEUE_CHANGE_FLAGS.SUGGESTED_RECV_BUFFER_NUMBERS_CHANGED |
  QUEUE_CHANGE_FLAGS.NAME_CHANGED |
  QUEUE_CHANGE_FLAGS.QOS_SQ_ID_CHANGED;

const MAX_MASK = 0xffff_ffff_ffff_ffffn;
const MAX_ULONG = 0xffff_ffff;

/** The first rule that an allocation breaks, or `undefined`. */
export function allocationFault(
  parameters: ReceiveQueueParameters,
  rules: QueueParameterRules,
): RequestFault | undefined {
  return (
    structureFault(parameters) ??
    flagsFault(parameters.flags) ??
    affinityFault(parameters.processorAffinity, rules) ??
    nameFault('vmName', parameters.vmName) ??
    nameFault('queueName', parameters.queueName) ??
    lookaheadFault(parameters, rules.current) ??
    qosFault(parameters.qosSqId)
  );
}

/**
 * The parameters that an allocation without fault puts into effect: members of newer revisions are
 * 0, a lookahead below the minimum is rounded up (§3.11), and from NDIS 6.30 on the split flag is
 * ignored, so it is not kept (§5.3).
 */
export function allocatedParameters(
  parameters: ReceiveQueueParameters,
  queueId: number,
  current: ReceiveFilterCapabilities,
): ReceiveQueueParameters {
  const { revision, lookaheadSize } = parameters;
  const size = lookaheadSize === 0 ? 0 : Math.max(lookaheadSize, current.minLookaheadSplitSize);
  return {
    ...parameters,
    queueId,
    flags: flagsInEffect(parameters.flags, current),
    msixTableEntry: 0,
    lookaheadSize: size,
    portId: revision >= 2 ? parameters.portId : 0,
    interruptCoalescingDomainId: 0,
    qosSqId: revision >= 3 ? parameters.qosSqId : 0,
  };
}

/** The change bits of a set request, as an unsigned number. */
export function changeBits(update: QueueParametersUpdate): number {
  return (update.flags & QUEUE_CHANGE_MASK) >>> 0;
}

/** The first rule that a set request breaks, or `undefined`. Members without change bit are not looked at. */
export function updateFault(
  old: ReceiveQueueParameters,
  update: QueueParametersUpdate,
  rules: QueueParameterRules,
): RequestFault | undefined {
  const changes = changeBits(update);
  if ((changes & ~OWNER_CHANGES) !== 0) {
    return invalidParameter('flags', 'change bits that a queue owner may set', hex(changes));
  }
  return (
    changedFlagsFault(old, update, rules.current) ??
    changedAffinityFault(old, update, rules) ??
    changedCountFault(update) ??
    changedNameFault(update) ??
    changedQosFault(update)
  );
}

/** The parameters after a set request without fault. */
export function updatedParameters(
  old: ReceiveQueueParameters,
  update: QueueParametersUpdate,
  current: ReceiveFilterCapabilities,
): ReceiveQueueParameters {
  const take = <Value>(change: number, value: Value | undefined, kept: Value): Value =>
    hasBits(update.flags, change) && value !== undefined ? value : kept;
  const { FLAGS_CHANGED, PROCESSOR_AFFINITY_CHANGED, NAME_CHANGED, QOS_SQ_ID_CHANGED } =
    QUEUE_CHANGE_FLAGS;
  return {
    ...old,
    flags: take(
      FLAGS_CHANGED,
      flagsInEffect(update.flags & ~QUEUE_CHANGE_MASK, current),
      old.flags,
    ),
    processorAffinity: take(
      PROCESSOR_AFFINITY_CHANGED,
      update.processorAffinity,
      old.processorAffinity,
    ),
    numSuggestedReceiveBuffers: take(
      QUEUE_CHANGE_FLAGS.SUGGESTED_RECV_BUFFER_NUMBERS_CHANGED,
      update.numSuggestedReceiveBuffers,
      old.numSuggestedReceiveBuffers,
    ),
    queueName: take(NAME_CHANGED, update.queueName, old.queueName),
    qosSqId: take(QOS_SQ_ID_CHANGED, update.qosSqId, old.qosSqId),
  };
}

function structureFault(parameters: ReceiveQueueParameters): RequestFault | undefined {
  const { revision, queueType, queueGroupId } = parameters;
  if (![1, 2, 3].includes(revision))
    return invalidParameter('revision', '1 to 3', String(revision));
  if (queueType !== QUEUE_TYPES.vmQueue) {
    return invalidParameter('queueType', `${QUEUE_TYPES.vmQueue} (VM queue)`, String(queueType));
  }
  if (queueGroupId !== 0)
    return invalidParameter('queueGroupId', '0 (reserved)', String(queueGroupId));
  return (
    countFault('numSuggestedReceiveBuffers', parameters.numSuggestedReceiveBuffers) ??
    countFault('portId', parameters.portId)
  );
}

function flagsFault(flags: number): RequestFault | undefined {
  const unknown = (flags & ~BEHAVIOUR_FLAGS) >>> 0;
  return unknown === 0
    ? undefined
    : invalidParameter('flags', `only bits of ${hex(BEHAVIOUR_FLAGS)}`, hex(flags >>> 0));
}

function affinityFault(
  affinity: GroupAffinity,
  rules: QueueParameterRules,
): RequestFault | undefined {
  if (affinity.mask <= 0n || affinity.mask > MAX_MASK || !isCount(affinity.group)) {
    const expected = 'at least one processor of one group';
    return invalidParameter('processorAffinity', expected, formatAffinity(affinity));
  }
  const { processors } = rules;
  const outside = processorsOf(affinity).find(
    (processor) => processors?.includes(processor) === false,
  );
  if (outside === undefined) return undefined;
  const expected = `processors of the adapter's set ${processors?.join(', ') ?? ''}`;
  return invalidParameter('processorAffinity', expected, `processor ${outside}`);
}

function lookaheadFault(
  parameters: ReceiveQueueParameters,
  current: ReceiveFilterCapabilities,
): RequestFault | undefined {
  const { lookaheadSize } = parameters;
  const wantsSplit = hasBits(parameters.flags, QUEUE_PARAMETER_FLAGS.LOOKAHEAD_SPLIT_REQUIRED);
  if (!isCount(lookaheadSize))
    return invalidParameter('lookaheadSize', 'a number of bytes', String(lookaheadSize));
  if (ndisVersionOf(current) === '6.30') {
    if (lookaheadSize === 0) return undefined;
    return invalidParameter('lookaheadSize', '0 from NDIS 6.30 on', String(lookaheadSize));
  }
  if (wantsSplit && !hasLookaheadSplit(current)) {
    return invalidParameter(
      'flags',
      'no LOOKAHEAD_SPLIT_REQUIRED on an adapter without it',
      'it is set',
    );
  }
  if (lookaheadSize > 0 && !wantsSplit) {
    return invalidParameter(
      'lookaheadSize',
      '0 without LOOKAHEAD_SPLIT_REQUIRED',
      String(lookaheadSize),
    );
  }
  if (lookaheadSize <= current.maxLookaheadSplitSize) return undefined;
  return invalidParameter(
    'lookaheadSize',
    `at most ${current.maxLookaheadSplitSize}`,
    String(lookaheadSize),
  );
}

function nameFault(field: 'vmName' | 'queueName', name: string): RequestFault | undefined {
  return name.length <= MAX_QUEUE_NAME_LENGTH
    ? undefined
    : invalidParameter(field, `at most ${MAX_QUEUE_NAME_LENGTH} characters`, `${name.length}`);
}

function qosFault(qosSqId: number): RequestFault | undefined {
  if (qosSqId === 0) return undefined;
  const fault = invalidParameter('qosSqId', '0 (no scheduler queues)', String(qosSqId));
  return { ...fault, status: 'NDIS_STATUS_NOT_SUPPORTED' };
}

function changedFlagsFault(
  old: ReceiveQueueParameters,
  update: QueueParametersUpdate,
  current: ReceiveFilterCapabilities,
): RequestFault | undefined {
  if (!hasBits(update.flags, QUEUE_CHANGE_FLAGS.FLAGS_CHANGED)) return undefined;
  const behaviour = update.flags & ~QUEUE_CHANGE_MASK;
  const split = QUEUE_PARAMETER_FLAGS.LOOKAHEAD_SPLIT_REQUIRED;
  const changesSplit = ((flagsInEffect(behaviour, current) ^ old.flags) & split) !== 0;
  if (!changesSplit) return flagsFault(behaviour);
  return invalidParameter(
    'flags',
    'the LOOKAHEAD_SPLIT_REQUIRED of the allocation',
    hex(behaviour),
  );
}

function changedAffinityFault(
  old: ReceiveQueueParameters,
  update: QueueParametersUpdate,
  rules: QueueParameterRules,
): RequestFault | undefined {
  if (!hasBits(update.flags, QUEUE_CHANGE_FLAGS.PROCESSOR_AFFINITY_CHANGED)) return undefined;
  const { processorAffinity } = update;
  if (processorAffinity === undefined) return missing('processorAffinity');
  const moves = !sameAffinity(old.processorAffinity, processorAffinity);
  if (!moves || hasDynamicAffinity(rules.current)) return affinityFault(processorAffinity, rules);
  const expected = 'the affinity of the allocation: the adapter cannot move a queue';
  return invalidParameter('processorAffinity', expected, formatAffinity(processorAffinity));
}

function changedCountFault(update: QueueParametersUpdate): RequestFault | undefined {
  if (!hasBits(update.flags, QUEUE_CHANGE_FLAGS.SUGGESTED_RECV_BUFFER_NUMBERS_CHANGED))
    return undefined;
  const { numSuggestedReceiveBuffers: count } = update;
  return count === undefined
    ? missing('numSuggestedReceiveBuffers')
    : countFault('numSuggestedReceiveBuffers', count);
}

function changedNameFault(update: QueueParametersUpdate): RequestFault | undefined {
  if (!hasBits(update.flags, QUEUE_CHANGE_FLAGS.NAME_CHANGED)) return undefined;
  return update.queueName === undefined
    ? missing('queueName')
    : nameFault('queueName', update.queueName);
}

function changedQosFault(update: QueueParametersUpdate): RequestFault | undefined {
  if (!hasBits(update.flags, QUEUE_CHANGE_FLAGS.QOS_SQ_ID_CHANGED)) return undefined;
  return update.qosSqId === undefined ? missing('qosSqId') : qosFault(update.qosSqId);
}

function flagsInEffect(flags: number, current: ReceiveFilterCapabilities): number {
  if (ndisVersionOf(current) === '6.20') return flags;
  return flags & ~QUEUE_PARAMETER_FLAGS.LOOKAHEAD_SPLIT_REQUIRED;
}

function missing(field: string): RequestFault {
  return invalidParameter(field, 'a value, since its change bit is set', 'none');
}

function countFault(field: string, count: number): RequestFault | undefined {
  return isCount(count)
    ? undefined
    : invalidParameter(field, 'a whole number from 0', String(count));
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= MAX_ULONG;
}

function hex(flags: number): string {
  return `0x${flags.toString(16)}`;
}
