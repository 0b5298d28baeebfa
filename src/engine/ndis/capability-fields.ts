/**
 * NDIS_RECEIVE_FILTER_CAPABILITIES for readers: each member under its name in the structure, with the
 * names of its flags and one sentence about it (`docs/vmq-reference.md` §2.2, §2.3).
 */
import type { CapabilitiesSnapshot, CapabilityField } from '../../contract/vmq';
import {
  ENABLED_FILTER_TYPES,
  ENABLED_QUEUE_TYPES,
  FILTER_TESTS,
  HEADERS,
  MAC_HEADER_FIELDS,
  QUEUE_PROPERTIES,
  ndisVersionOf,
  type ReceiveFilterCapabilities,
} from './capabilities';
import type { AdvertisedCapabilities } from './capability-rules';

interface FieldText {
  readonly member: keyof ReceiveFilterCapabilities;
  readonly field: string;
  readonly meaning: string;
  readonly flags?: Readonly<Record<string, number>>;
  /** Revision of the structure that has it first. */
  readonly since?: 2;
}

const FIELDS: readonly FieldText[] = [
  {
    member: 'revision',
    field: 'Header.Revision',
    meaning: 'Revision of the structure: 1 = NDIS 6.20, 2 = NDIS 6.30.',
  },
  { member: 'flags', field: 'Flags', meaning: 'Reserved.' },
  {
    member: 'enabledFilterTypes',
    field: 'EnabledFilterTypes',
    meaning: 'Families of filters that are on.',
    flags: ENABLED_FILTER_TYPES,
  },
  {
    member: 'enabledQueueTypes',
    field: 'EnabledQueueTypes',
    meaning: 'Families of queues that are on.',
    flags: ENABLED_QUEUE_TYPES,
  },
  {
    member: 'numQueues',
    field: 'NumQueues',
    meaning: 'VM queues, without the default queue.',
  },
  {
    member: 'supportedQueueProperties',
    field: 'SupportedQueueProperties',
    meaning: 'What its queues can do.',
    flags: QUEUE_PROPERTIES,
  },
  {
    member: 'supportedFilterTests',
    field: 'SupportedFilterTests',
    meaning: 'Comparisons that a filter can make; VMQ uses equal.',
    flags: FILTER_TESTS,
  },
  {
    member: 'supportedHeaders',
    field: 'SupportedHeaders',
    meaning: 'Headers that a filter can test; VMQ uses MAC.',
    flags: HEADERS,
  },
  {
    member: 'supportedMacHeaderFields',
    field: 'SupportedMacHeaderFields',
    meaning: 'Fields of the MAC header that a filter can test.',
    flags: MAC_HEADER_FIELDS,
  },
  {
    member: 'maxMacHeaderFilters',
    field: 'MaxMacHeaderFilters',
    meaning: 'Receive filters of the whole adapter, at least one for each queue.',
  },
  { member: 'maxQueueGroups', field: 'MaxQueueGroups', meaning: 'Reserved.' },
  { member: 'maxQueuesPerQueueGroup', field: 'MaxQueuesPerQueueGroup', meaning: 'Reserved.' },
  {
    member: 'minLookaheadSplitSize',
    field: 'MinLookaheadSplitSize',
    meaning: 'Smallest lookahead split in bytes; 0 from NDIS 6.30 on.',
  },
  {
    member: 'maxLookaheadSplitSize',
    field: 'MaxLookaheadSplitSize',
    meaning: 'Largest lookahead split in bytes; 0 from NDIS 6.30 on.',
  },
  {
    member: 'supportedArpHeaderFields',
    field: 'SupportedARPHeaderFields',
    meaning: 'For packet coalescing, which is not offered.',
    since: 2,
  },
  {
    member: 'supportedIpv4HeaderFields',
    field: 'SupportedIPv4HeaderFields',
    meaning: 'For packet coalescing, which is not offered.',
    since: 2,
  },
  {
    member: 'supportedIpv6HeaderFields',
    field: 'SupportedIPv6HeaderFields',
    meaning: 'For packet coalescing, which is not offered.',
    since: 2,
  },
  {
    member: 'supportedUdpHeaderFields',
    field: 'SupportedUdpHeaderFields',
    meaning: 'For packet coalescing, which is not offered.',
    since: 2,
  },
  {
    member: 'maxFieldTestsPerPacketCoalescingFilter',
    field: 'MaxFieldTestsPerPacketCoalescingFilter',
    meaning: 'For packet coalescing, which is not offered.',
    since: 2,
  },
  {
    member: 'maxPacketCoalescingFilters',
    field: 'MaxPacketCoalescingFilters',
    meaning: 'For packet coalescing, which is not offered.',
    since: 2,
  },
];

/** Both copies as they are shown. */
export function capabilitiesSnapshot({
  hardware,
  current,
}: AdvertisedCapabilities): CapabilitiesSnapshot {
  return {
    ndisRevision: ndisVersionOf(hardware),
    hardware: capabilityFields(hardware),
    current: current && capabilityFields(current),
  };
}

function capabilityFields(capabilities: ReceiveFilterCapabilities): CapabilityField[] {
  return FIELDS.filter(({ since }) => since === undefined || capabilities.revision >= since).map(
    ({ member, field, meaning, flags = {} }) => ({
      field,
      value: capabilities[member],
      flags: namesOf(capabilities[member], flags),
      meaning,
    }),
  );
}

/** Names of the bits that are set. */
export function namesOf(value: number, flags: Readonly<Record<string, number>>): string[] {
  return Object.entries(flags)
    .filter(([, bit]) => (value & bit) !== 0)
    .map(([name]) => name);
}
