/**
 * The rules that a miniport's advertisement must keep (`docs/vmq-reference.md` §2.2 to §2.4,
 * Appendix A 17). They are checked once at initialisation and at each change at run time.
 */
import {
  ENABLED_FILTER_TYPES,
  FILTER_TESTS,
  HEADERS,
  MAC_HEADER_FIELDS,
  QUEUE_PROPERTIES,
  hasBits,
  hasLookaheadSplit,
  hasVmQueues,
  type ReceiveFilterCapabilities,
} from './capabilities';
import type { RequestFault } from './status';

/** The two copies that a miniport registers; `current` is null when everything is off (§2.1). */
export interface AdvertisedCapabilities {
  readonly hardware: ReceiveFilterCapabilities;
  readonly current: ReceiveFilterCapabilities | null;
}

/** Members that are bit sets: current must be a subset of hardware. */
const BIT_MEMBERS = [
  'enabledFilterTypes',
  'enabledQueueTypes',
  'supportedQueueProperties',
  'supportedFilterTests',
  'supportedHeaders',
  'supportedMacHeaderFields',
] as const;

/** Members that count: current must not exceed hardware. */
const COUNT_MEMBERS = ['numQueues', 'maxMacHeaderFilters', 'maxLookaheadSplitSize'] as const;

/** Members that an adapter without queue groups and without packet coalescing leaves at 0. */
const ZERO_MEMBERS = [
  'flags',
  'maxQueueGroups',
  'maxQueuesPerQueueGroup',
  'supportedArpHeaderFields',
  'supportedIpv4HeaderFields',
  'supportedIpv6HeaderFields',
  'supportedUdpHeaderFields',
  'maxFieldTestsPerPacketCoalescingFilter',
  'maxPacketCoalescingFilters',
] as const;

const DYNAMIC_PROPERTIES =
  QUEUE_PROPERTIES.DYNAMIC_PROCESSOR_AFFINITY_CHANGE_SUPPORTED |
  QUEUE_PROPERTIES.INTERRUPT_VECTOR_COALESCING_SUPPORTED;

/** Properties of a teaming layer or of packet coalescing; never those of this kind of adapter. */
const FOREIGN_PROPERTIES =
  QUEUE_PROPERTIES.IMPLAT_MIN_OF_QUEUES_MODE |
  QUEUE_PROPERTIES.IMPLAT_SUM_OF_QUEUES_MODE |
  QUEUE_PROPERTIES.PACKET_COALESCING_SUPPORTED_ON_DEFAULT_QUEUE;

/** The first rule that the advertisement breaks, or `undefined` if it keeps all of them. */
export function capabilityFault(advertised: AdvertisedCapabilities): RequestFault | undefined {
  const { hardware, current } = advertised;
  const ownFault = structureFault('hardware', hardware);
  if (ownFault !== undefined || current === null) return ownFault;
  return structureFault('current', current) ?? subsetFault(hardware, current);
}

function structureFault(
  copy: string,
  capabilities: ReceiveFilterCapabilities,
): RequestFault | undefined {
  return (
    zeroFault(copy, capabilities) ??
    countFault(copy, capabilities) ??
    propertyFault(copy, capabilities) ??
    lookaheadFault(copy, capabilities)
  );
}

function zeroFault(
  copy: string,
  capabilities: ReceiveFilterCapabilities,
): RequestFault | undefined {
  const member = ZERO_MEMBERS.find((name) => capabilities[name] !== 0);
  return member && fault(`${copy}.${member}`, '0', String(capabilities[member]));
}

function countFault(
  copy: string,
  capabilities: ReceiveFilterCapabilities,
): RequestFault | undefined {
  const { numQueues, maxMacHeaderFilters } = capabilities;
  if (hasVmQueues(capabilities) !== numQueues > 0) {
    const expected = hasVmQueues(capabilities)
      ? 'at least 1 with VM_QUEUES_ENABLED'
      : '0 without VM_QUEUES_ENABLED';
    return fault(`${copy}.numQueues`, expected, String(numQueues));
  }
  if (maxMacHeaderFilters < numQueues) {
    return fault(
      `${copy}.maxMacHeaderFilters`,
      `at least one per queue (${numQueues})`,
      String(maxMacHeaderFilters),
    );
  }
  return undefined;
}

function propertyFault(
  copy: string,
  capabilities: ReceiveFilterCapabilities,
): RequestFault | undefined {
  const { supportedQueueProperties: properties, numQueues, revision } = capabilities;
  const at = `${copy}.supportedQueueProperties`;
  if ((properties & FOREIGN_PROPERTIES) !== 0)
    return bitFault(at, 'no teaming or coalescing flag', properties);
  if (revision === 1 && (properties & DYNAMIC_PROPERTIES) !== 0) {
    return bitFault(at, 'no flag of NDIS 6.30 in revision 1', properties);
  }
  if (numQueues === 0) return undefined;
  const required =
    QUEUE_PROPERTIES.MSI_X_SUPPORTED |
    QUEUE_PROPERTIES.VM_QUEUE_SUPPORTED |
    (revision === 2 ? DYNAMIC_PROPERTIES : 0);
  if (!hasBits(properties, required))
    return bitFault(at, `the flags 0x${required.toString(16)}`, properties);
  return mandatoryFilterFault(copy, capabilities);
}

function mandatoryFilterFault(
  copy: string,
  capabilities: ReceiveFilterCapabilities,
): RequestFault | undefined {
  const mandatory = [
    ['enabledFilterTypes', ENABLED_FILTER_TYPES.VMQ_FILTERS_ENABLED, 'VMQ_FILTERS_ENABLED'],
    ['supportedFilterTests', FILTER_TESTS.HEADER_FIELD_EQUAL_SUPPORTED, 'HEADER_FIELD_EQUAL'],
    ['supportedHeaders', HEADERS.MAC_HEADER_SUPPORTED, 'MAC_HEADER'],
    ['supportedMacHeaderFields', MAC_HEADER_FIELDS.DEST_ADDR_SUPPORTED, 'DEST_ADDR'],
  ] as const;
  const missing = mandatory.find(([member, bits]) => !hasBits(capabilities[member], bits));
  return missing && bitFault(`${copy}.${missing[0]}`, missing[2], capabilities[missing[0]]);
}

function lookaheadFault(
  copy: string,
  capabilities: ReceiveFilterCapabilities,
): RequestFault | undefined {
  const { revision, minLookaheadSplitSize: minimum, maxLookaheadSplitSize: maximum } = capabilities;
  const split = hasLookaheadSplit(capabilities);
  if (split && revision === 2) {
    return fault(
      `${copy}.supportedQueueProperties`,
      'no LOOKAHEAD_SPLIT_SUPPORTED from NDIS 6.30 on',
      'it is set',
    );
  }
  const inOrder = split ? minimum > 0 && minimum <= maximum : minimum === 0 && maximum === 0;
  if (inOrder) return undefined;
  const expected = split ? 'a range that begins above 0' : '0 to 0 without lookahead split';
  return fault(`${copy}.minLookaheadSplitSize`, expected, `${minimum} to ${maximum}`);
}

function subsetFault(
  hardware: ReceiveFilterCapabilities,
  current: ReceiveFilterCapabilities,
): RequestFault | undefined {
  if (current.revision !== hardware.revision) {
    return fault('current.revision', String(hardware.revision), String(current.revision));
  }
  const bits = BIT_MEMBERS.find((member) => !hasBits(hardware[member], current[member]));
  if (bits)
    return bitFault(
      `current.${bits}`,
      `a subset of 0x${hardware[bits].toString(16)}`,
      current[bits],
    );
  const count = COUNT_MEMBERS.find((member) => current[member] > hardware[member]);
  return count && fault(`current.${count}`, `at most ${hardware[count]}`, String(current[count]));
}

function bitFault(field: string, expected: string, found: number): RequestFault {
  return fault(field, expected, `0x${found.toString(16)}`);
}

function fault(field: string, expected: string, found: string): RequestFault {
  return { status: 'NDIS_STATUS_BAD_CHARACTERISTICS', field, expected, found };
}
