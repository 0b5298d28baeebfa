/**
 * NDIS_RECEIVE_FILTER_PARAMETERS with its field tests, as typed data (`docs/vmq-reference.md` §4.2,
 * §4.3), and builders for the combinations that a switch uses (§4.4).
 *
 *     macFilter(3, '02:00:5e:10:00:01', null)   // case A: that MAC, untagged or VLAN 0
 *     macFilter(3, '02:00:5e:10:00:01', 42)     // case B: that MAC in VLAN 42
 *
 * Values of multi-byte fields are held as the engine holds them everywhere: a MAC address as text,
 * a VLAN id as a number.
 */
/** Passed in as the id of a filter that is yet to get one, NDIS_DEFAULT_RECEIVE_FILTER_ID. */
export const DEFAULT_RECEIVE_FILTER_ID = 0;

/** NDIS_RECEIVE_FILTER_TYPE. */
export const FILTER_TYPES = { undefined: 0, vmQueue: 1, packetCoalescing: 2 } as const;

/** NDIS_RECEIVE_FILTER_ flags of a filter. */
export const FILTER_FLAGS = { RESERVED: 0x1, PACKET_ENCAPSULATION: 0x2 } as const;

/** NDIS_RECEIVE_FILTER_FIELD_ flags of a test. */
export const FIELD_FLAGS = { MAC_HEADER_VLAN_UNTAGGED_OR_ZERO: 0x1 } as const;

/** NDIS_FRAME_HEADER. */
export const FRAME_HEADERS = { undefined: 0, mac: 1, arp: 2, ipv4: 3, ipv6: 4, udp: 5 } as const;

/** NDIS_RECEIVE_FILTER_TEST. */
export const RECEIVE_FILTER_TESTS = { undefined: 0, equal: 1, maskEqual: 2, notEqual: 3 } as const;

/** NDIS_MAC_HEADER_FIELD. */
export const MAC_FIELDS = {
  undefined: 0,
  destinationAddress: 1,
  sourceAddress: 2,
  protocol: 3,
  vlanId: 4,
  priority: 5,
  packetType: 6,
} as const;

/** One comparison of a header field with a value. All tests of a filter must hold. */
export interface FieldTest {
  readonly flags: number;
  readonly frameHeader: number;
  readonly receiveFilterTest: number;
  readonly headerField: number;
  /** A MAC address as text, or a number. */
  readonly fieldValue: string | number;
}

/** The structure with its tests. */
export interface ReceiveFilterParameters {
  /** 1 = NDIS 6.20, 2 = NDIS 6.30. */
  readonly revision: 1 | 2;
  readonly flags: number;
  readonly filterType: number;
  readonly queueId: number;
  /** Given out by the NDIS layer; 0 on a set request. */
  readonly filterId: number;
  readonly tests: readonly FieldTest[];
  /** 0: no filter id in the out-of-band data. */
  readonly requestedFilterIdBitCount: number;
  /** Packet coalescing only; ignored. */
  readonly maxCoalescingDelay: number;
  /** SR-IOV only; 0 = default port. */
  readonly vPortId: number;
}

/** A filter with these tests for a queue. */
export function filterParameters(
  queueId: number,
  tests: readonly FieldTest[],
): ReceiveFilterParameters {
  return {
    revision: 2,
    flags: 0,
    filterType: FILTER_TYPES.vmQueue,
    queueId,
    filterId: DEFAULT_RECEIVE_FILTER_ID,
    tests,
    requestedFilterIdBitCount: 0,
    maxCoalescingDelay: 0,
    vPortId: 0,
  };
}

/** The filter of a switch port: a VLAN makes it case B, `null` case A of §4.4. */
export function macFilter(
  queueId: number,
  mac: string,
  vlan: number | null,
): ReceiveFilterParameters {
  if (vlan !== null) return filterParameters(queueId, [macTest(mac), vlanTest(vlan)]);
  return filterParameters(queueId, [macTest(mac, FIELD_FLAGS.MAC_HEADER_VLAN_UNTAGGED_OR_ZERO)]);
}

/** Case C of §4.4: that MAC in any VLAN. NDIS 6.30 and later. */
export function macOnlyFilter(queueId: number, mac: string): ReceiveFilterParameters {
  return filterParameters(queueId, [macTest(mac)]);
}

/** Destination address equals `mac`. */
export function macTest(mac: string, flags = 0): FieldTest {
  return fieldTest(MAC_FIELDS.destinationAddress, mac, flags);
}

/** VLAN id equals `vlan`. */
export function vlanTest(vlan: number, flags = 0): FieldTest {
  return fieldTest(MAC_FIELDS.vlanId, vlan, flags);
}

function fieldTest(headerField: number, fieldValue: string | number, flags: number): FieldTest {
  return {
    flags,
    frameHeader: FRAME_HEADERS.mac,
    receiveFilterTest: RECEIVE_FILTER_TESTS.equal,
    headerField,
    fieldValue,
  };
}
