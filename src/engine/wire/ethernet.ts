/**
 * Ethernet II headers (IEEE 802.3 clause 3, without preamble and frame check sequence).
 *
 *      0            6            12       14
 *     +------------+------------+--------+---------…
 *     | destination| source     | type   | payload          untagged
 *     +------------+------------+--------+----+----+---…
 *     | destination| source     | 0x8100 | TCI| type|       tagged, see vlan.ts
 *     +------------+------------+--------+----+----+---…
 *
 * Readers take (bytes, offset) and allocate nothing unless they return text; the caller has checked
 * the length with {@link hasEthernetHeader}.
 */
import type { MacAddress } from '../../shared/mac-address';
import {
  MAC_ADDRESS_BYTES,
  macAddressFromBytes,
  macAddressToNumbers,
} from '../../shared/mac-address';
import {
  readUint16,
  readUint32,
  readUint8,
  requireSpace,
  writeUint16,
  writeUint32,
} from './octets';
import type { VlanTag } from './vlan-tag';
import { VLAN_TAG_BYTES, makeTci } from './vlan-tag';

/** Length of an untagged header. */
export const ETHERNET_HEADER_BYTES = 14;
/** Shortest frame that builders make: 64 bytes on the wire less the 4 of the check sequence. */
export const MIN_FRAME_BYTES = 60;
/** Longest untagged frame of a standard link: 1500 bytes of payload and the header. */
export const MAX_FRAME_BYTES = 1514;

/** Offsets of the header's fields from the start of the frame. */
export const DESTINATION_MAC_OFFSET = 0;
export const SOURCE_MAC_OFFSET = MAC_ADDRESS_BYTES;
export const ETHER_TYPE_OFFSET = 2 * MAC_ADDRESS_BYTES;

/** The EtherTypes that the engine knows (IANA registry "IEEE 802 numbers"). */
export const ETHER_TYPE = {
  ipv4: 0x0800,
  arp: 0x0806,
  rarp: 0x8035,
  vlan: 0x8100,
  ipv6: 0x86dd,
  serviceVlan: 0x88a8,
} as const;

/** Who sends to whom, and in which VLAN. */
export interface EthernetAddresses {
  readonly destination: MacAddress;
  readonly source: MacAddress;
  /** Left out: the frame carries no tag. */
  readonly vlan?: VlanTag;
}

/** Whether a frame of this length holds a whole header. */
export function hasEthernetHeader(lengthBytes: number): boolean {
  return lengthBytes >= ETHERNET_HEADER_BYTES;
}

/** Octets 0 and 1 of the destination, for table lookups without text. */
export function readDestinationHigh(bytes: Uint8Array, offset: number): number {
  return readUint16(bytes, offset + DESTINATION_MAC_OFFSET);
}

/** Octets 2 to 5 of the destination. */
export function readDestinationLow(bytes: Uint8Array, offset: number): number {
  return readUint32(bytes, offset + DESTINATION_MAC_OFFSET + 2);
}

/** Octets 0 and 1 of the source. */
export function readSourceHigh(bytes: Uint8Array, offset: number): number {
  return readUint16(bytes, offset + SOURCE_MAC_OFFSET);
}

/** Octets 2 to 5 of the source. */
export function readSourceLow(bytes: Uint8Array, offset: number): number {
  return readUint32(bytes, offset + SOURCE_MAC_OFFSET + 2);
}

/** The destination as text; allocates. */
export function readDestinationMac(bytes: Uint8Array, offset: number): MacAddress {
  return macAddressFromBytes(bytes, offset + DESTINATION_MAC_OFFSET);
}

/** The source as text; allocates. */
export function readSourceMac(bytes: Uint8Array, offset: number): MacAddress {
  return macAddressFromBytes(bytes, offset + SOURCE_MAC_OFFSET);
}

/** Whether the destination is a group, broadcast included. */
export function hasGroupDestination(bytes: Uint8Array, offset: number): boolean {
  return (readUint8(bytes, offset + DESTINATION_MAC_OFFSET) & 0x01) !== 0;
}

/** The 16 bits behind the source: an EtherType, a tag's TPID, or a length below 1536. */
export function readEtherType(bytes: Uint8Array, offset: number): number {
  return readUint16(bytes, offset + ETHER_TYPE_OFFSET);
}

/** Length of the header that {@link writeEthernetHeader} makes for these addresses. */
export function ethernetHeaderBytes(addresses: EthernetAddresses): number {
  return ETHERNET_HEADER_BYTES + (addresses.vlan === undefined ? 0 : VLAN_TAG_BYTES);
}

/**
 * Writes a header, tagged if `addresses` names a VLAN, and returns its length (14 or 18).
 *
 * @throws WireError when it does not fit, or when a part of the tag is out of range.
 */
export function writeEthernetHeader(
  bytes: Uint8Array,
  offset: number,
  addresses: EthernetAddresses,
  etherType: number,
): number {
  const headerBytes = ethernetHeaderBytes(addresses);
  requireSpace(bytes, offset, headerBytes);
  writeMacAddress(bytes, offset + DESTINATION_MAC_OFFSET, addresses.destination);
  writeMacAddress(bytes, offset + SOURCE_MAC_OFFSET, addresses.source);
  if (addresses.vlan !== undefined) {
    writeUint16(bytes, offset + ETHER_TYPE_OFFSET, ETHER_TYPE.vlan);
    writeUint16(bytes, offset + ETHER_TYPE_OFFSET + 2, makeTci(addresses.vlan));
  }
  writeUint16(bytes, offset + headerBytes - 2, etherType);
  return headerBytes;
}

/** Writes the six octets of an address. */
export function writeMacAddress(bytes: Uint8Array, offset: number, address: MacAddress): void {
  const { high, low } = macAddressToNumbers(address);
  requireSpace(bytes, offset, MAC_ADDRESS_BYTES);
  writeUint16(bytes, offset, high);
  writeUint32(bytes, offset + 2, low);
}

/**
 * Fills a frame of `lengthBytes` with zeros up to {@link MIN_FRAME_BYTES} and returns the length it
 * has then. A tagged frame is filled to the same length, as network cards do.
 */
export function padFrame(bytes: Uint8Array, offset: number, lengthBytes: number): number {
  if (lengthBytes >= MIN_FRAME_BYTES) return lengthBytes;
  requireSpace(bytes, offset, MIN_FRAME_BYTES);
  bytes.fill(0, offset + lengthBytes, offset + MIN_FRAME_BYTES);
  return MIN_FRAME_BYTES;
}
