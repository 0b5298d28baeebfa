/**
 * NDIS_RECEIVE_FILTER_CAPABILITIES as typed data (`docs/vmq-reference.md` §2.2, flags §2.3). A
 * miniport gives two copies: *hardware* (all that the device can do) and *current* (what is on).
 *
 *     const capabilities = vmqCapabilities({ ndisVersion: '6.30', numQueues: 16, maxMacHeaderFilters: 64 });
 */

/** NDIS versions whose rules the engine knows; 6.30 stands for every later one too. */
export type NdisVersion = '6.20' | '6.30';

/** §2.3.1 */
export const ENABLED_FILTER_TYPES = {
  VMQ_FILTERS_ENABLED: 0x1,
  PACKET_COALESCING_FILTERS_ENABLED: 0x2,
} as const;

/** §2.3.2 */
export const ENABLED_QUEUE_TYPES = { VM_QUEUES_ENABLED: 0x1 } as const;

/** §2.3.3. Bit 0x40 has a second meaning from NDIS 6.80 on (§11 point 12), which is not known here. */
export const QUEUE_PROPERTIES = {
  MSI_X_SUPPORTED: 0x1,
  VM_QUEUE_SUPPORTED: 0x2,
  LOOKAHEAD_SPLIT_SUPPORTED: 0x4,
  DYNAMIC_PROCESSOR_AFFINITY_CHANGE_SUPPORTED: 0x8,
  INTERRUPT_VECTOR_COALESCING_SUPPORTED: 0x10,
  ANY_VLAN_SUPPORTED: 0x20,
  IMPLAT_MIN_OF_QUEUES_MODE: 0x40,
  IMPLAT_SUM_OF_QUEUES_MODE: 0x80,
  PACKET_COALESCING_SUPPORTED_ON_DEFAULT_QUEUE: 0x100,
} as const;

/** §2.3.4 */
export const FILTER_TESTS = {
  HEADER_FIELD_EQUAL_SUPPORTED: 0x1,
  HEADER_FIELD_MASK_EQUAL_SUPPORTED: 0x2,
  HEADER_FIELD_NOT_EQUAL_SUPPORTED: 0x4,
} as const;

/** §2.3.5 */
export const HEADERS = {
  MAC_HEADER_SUPPORTED: 0x1,
  IPV4_HEADER_SUPPORTED: 0x2,
  IPV6_HEADER_SUPPORTED: 0x4,
  ARP_HEADER_SUPPORTED: 0x8,
  UDP_HEADER_SUPPORTED: 0x10,
} as const;

/** §2.3.6 */
export const MAC_HEADER_FIELDS = {
  DEST_ADDR_SUPPORTED: 0x1,
  SOURCE_ADDR_SUPPORTED: 0x2,
  PROTOCOL_SUPPORTED: 0x4,
  VLAN_ID_SUPPORTED: 0x8,
  PRIORITY_SUPPORTED: 0x10,
  PACKET_TYPE_SUPPORTED: 0x20,
} as const;

/** The structure of §2.2. Members of revision 2 are 0 in revision 1. */
export interface ReceiveFilterCapabilities {
  /** 1 = NDIS 6.20, 2 = NDIS 6.30. */
  readonly revision: 1 | 2;
  /** Reserved, 0. */
  readonly flags: number;
  readonly enabledFilterTypes: number;
  readonly enabledQueueTypes: number;
  /** VM queues without the default queue. */
  readonly numQueues: number;
  readonly supportedQueueProperties: number;
  readonly supportedFilterTests: number;
  readonly supportedHeaders: number;
  readonly supportedMacHeaderFields: number;
  /** MAC-header filters of the whole adapter. */
  readonly maxMacHeaderFilters: number;
  /** Reserved, 0. */
  readonly maxQueueGroups: number;
  /** Reserved, 0. */
  readonly maxQueuesPerQueueGroup: number;
  readonly minLookaheadSplitSize: number;
  readonly maxLookaheadSplitSize: number;
  readonly supportedArpHeaderFields: number;
  readonly supportedIpv4HeaderFields: number;
  readonly supportedIpv6HeaderFields: number;
  readonly supportedUdpHeaderFields: number;
  readonly maxFieldTestsPerPacketCoalescingFilter: number;
  readonly maxPacketCoalescingFilters: number;
}

/** NDIS_RECEIVE_FILTER_GLOBAL_PARAMETERS: the summary of what is on (§2.5). */
export interface ReceiveFilterGlobalParameters {
  readonly flags: number;
  readonly enabledFilterTypes: number;
  readonly enabledQueueTypes: number;
}

/** What {@link vmqCapabilities} needs to know. */
export interface VmqCapabilityOptions {
  readonly ndisVersion: NdisVersion;
  readonly numQueues: number;
  /** At least one per queue. */
  readonly maxMacHeaderFilters: number;
  /** Default true: MAC + VLAN filters are offered (`*VMQVlanFiltering`). */
  readonly vlanFiltering?: boolean;
  /** NDIS 6.20 only: range of the lookahead split, in bytes. Default: no split. */
  readonly lookaheadSplit?: { readonly minimumBytes: number; readonly maximumBytes: number };
}

/** Capabilities of an adapter with VMQ enabled, as §2.4 wants them for the version. */
export function vmqCapabilities(options: VmqCapabilityOptions): ReceiveFilterCapabilities {
  const { lookaheadSplit } = options;
  const vlanField = (options.vlanFiltering ?? true) ? MAC_HEADER_FIELDS.VLAN_ID_SUPPORTED : 0;
  return {
    revision: options.ndisVersion === '6.20' ? 1 : 2,
    flags: 0,
    enabledFilterTypes: ENABLED_FILTER_TYPES.VMQ_FILTERS_ENABLED,
    enabledQueueTypes: ENABLED_QUEUE_TYPES.VM_QUEUES_ENABLED,
    numQueues: options.numQueues,
    supportedQueueProperties: queueProperties(options.ndisVersion, lookaheadSplit !== undefined),
    supportedFilterTests: FILTER_TESTS.HEADER_FIELD_EQUAL_SUPPORTED,
    supportedHeaders: HEADERS.MAC_HEADER_SUPPORTED,
    supportedMacHeaderFields: MAC_HEADER_FIELDS.DEST_ADDR_SUPPORTED | vlanField,
    maxMacHeaderFilters: options.maxMacHeaderFilters,
    maxQueueGroups: 0,
    maxQueuesPerQueueGroup: 0,
    minLookaheadSplitSize: lookaheadSplit?.minimumBytes ?? 0,
    maxLookaheadSplitSize: lookaheadSplit?.maximumBytes ?? 0,
    supportedArpHeaderFields: 0,
    supportedIpv4HeaderFields: 0,
    supportedIpv6HeaderFields: 0,
    supportedUdpHeaderFields: 0,
    maxFieldTestsPerPacketCoalescingFilter: 0,
    maxPacketCoalescingFilters: 0,
  };
}

/** The structure that says "nothing is on", for a status that must carry one (§2.1, §2.4). */
export function nothingEnabled(hardware: ReceiveFilterCapabilities): ReceiveFilterCapabilities {
  const { revision } = hardware;
  return {
    revision,
    flags: 0,
    enabledFilterTypes: 0,
    enabledQueueTypes: 0,
    numQueues: 0,
    supportedQueueProperties: 0,
    supportedFilterTests: 0,
    supportedHeaders: 0,
    supportedMacHeaderFields: 0,
    maxMacHeaderFilters: 0,
    maxQueueGroups: 0,
    maxQueuesPerQueueGroup: 0,
    minLookaheadSplitSize: 0,
    maxLookaheadSplitSize: 0,
    supportedArpHeaderFields: 0,
    supportedIpv4HeaderFields: 0,
    supportedIpv6HeaderFields: 0,
    supportedUdpHeaderFields: 0,
    maxFieldTestsPerPacketCoalescingFilter: 0,
    maxPacketCoalescingFilters: 0,
  };
}

/** The NDIS version whose rules apply to an adapter with these capabilities. */
export function ndisVersionOf(capabilities: ReceiveFilterCapabilities): NdisVersion {
  return capabilities.revision === 1 ? '6.20' : '6.30';
}

/** Whether VM queues can be allocated with these current capabilities; `null` = everything off. */
export function hasVmQueues(current: ReceiveFilterCapabilities | null): boolean {
  return (
    current !== null && hasBits(current.enabledQueueTypes, ENABLED_QUEUE_TYPES.VM_QUEUES_ENABLED)
  );
}

/** Whether filters may test the VLAN id. */
export function hasVlanFiltering(capabilities: ReceiveFilterCapabilities): boolean {
  return hasBits(capabilities.supportedMacHeaderFields, MAC_HEADER_FIELDS.VLAN_ID_SUPPORTED);
}

/** Whether the affinity of a queue can change after allocation. */
export function hasDynamicAffinity(capabilities: ReceiveFilterCapabilities): boolean {
  return hasBits(
    capabilities.supportedQueueProperties,
    QUEUE_PROPERTIES.DYNAMIC_PROCESSOR_AFFINITY_CHANGE_SUPPORTED,
  );
}

/** Whether frames can be split into a lookahead part and the rest (NDIS 6.20 only). */
export function hasLookaheadSplit(capabilities: ReceiveFilterCapabilities): boolean {
  return hasBits(capabilities.supportedQueueProperties, QUEUE_PROPERTIES.LOOKAHEAD_SPLIT_SUPPORTED);
}

/** Whether all of `bits` are set in `flags`. */
export function hasBits(flags: number, bits: number): boolean {
  return (flags & bits) === bits;
}

function queueProperties(version: NdisVersion, split: boolean): number {
  const always = QUEUE_PROPERTIES.MSI_X_SUPPORTED | QUEUE_PROPERTIES.VM_QUEUE_SUPPORTED;
  if (version === '6.20') return always | (split ? QUEUE_PROPERTIES.LOOKAHEAD_SPLIT_SUPPORTED : 0);
  return (
    always |
    QUEUE_PROPERTIES.DYNAMIC_PROCESSOR_AFFINITY_CHANGE_SUPPORTED |
    QUEUE_PROPERTIES.INTERRUPT_VECTOR_COALESCING_SUPPORTED |
    (split ? QUEUE_PROPERTIES.LOOKAHEAD_SPLIT_SUPPORTED : 0)
  );
}
