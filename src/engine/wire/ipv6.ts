/**
 * IPv6 fixed headers (RFC 8200 section 3), enough for ping and for looking at frames: extension
 * headers are not followed, a packet that has one is shown with that header as its protocol.
 *
 *      0          4         6           7          8        24            40
 *     +----------+---------+-----------+----------+--------+-------------+---…
 *     |6 tc flow | payload | next hdr. | hop limit| source | destination | payload
 *     +----------+---------+-----------+----------+--------+-------------+---…
 */
import {
  readUint16,
  readUint8,
  requireRange,
  requireSpace,
  writeOctets,
  writeUint16,
  writeUint32,
  writeUint8,
} from './octets';
import { sumOctets } from './internet-checksum';

/** Length of the fixed header. */
export const IPV6_HEADER_BYTES = 40;
/** Length of an address. */
export const IPV6_ADDRESS_BYTES = 16;
/** Hops given to packets that do not say otherwise. */
export const DEFAULT_HOP_LIMIT = 64;

const SOURCE_OFFSET = 8;
const DESTINATION_OFFSET = SOURCE_OFFSET + IPV6_ADDRESS_BYTES;

/** What a caller of a packet builder says about the IPv6 layer; addresses are 16 octets each. */
export interface Ipv6Addresses {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** 0 to 255; default {@link DEFAULT_HOP_LIMIT}. */
  readonly hopLimit?: number;
}

/** All that {@link writeIpv6Header} needs. */
export interface Ipv6Header extends Ipv6Addresses {
  readonly nextHeader: number;
  /** Bytes that follow the header. */
  readonly payloadBytes: number;
}

/**
 * Whether a well-formed packet begins at `offset`: version, and a payload that fits in the
 * `lengthBytes` up to the end of the frame. Jumbograms (RFC 2675) do not count as such.
 */
export function isIpv6Packet(bytes: Uint8Array, offset: number, lengthBytes: number): boolean {
  return (
    lengthBytes >= IPV6_HEADER_BYTES &&
    readUint8(bytes, offset) >>> 4 === 6 &&
    IPV6_HEADER_BYTES + readIpv6PayloadBytes(bytes, offset) <= lengthBytes
  );
}

/** Length of what follows the fixed header. */
export function readIpv6PayloadBytes(bytes: Uint8Array, offset: number): number {
  return readUint16(bytes, offset + 4);
}

/** What the payload is: an extension header or a protocol. */
export function readIpv6NextHeader(bytes: Uint8Array, offset: number): number {
  return readUint8(bytes, offset + 6);
}

/** Hops left. */
export function readIpv6HopLimit(bytes: Uint8Array, offset: number): number {
  return readUint8(bytes, offset + 7);
}

/** Where the source address begins in `bytes`. */
export function ipv6SourceOffset(offset: number): number {
  return offset + SOURCE_OFFSET;
}

/** Where the destination address begins in `bytes`. */
export function ipv6DestinationOffset(offset: number): number {
  return offset + DESTINATION_OFFSET;
}

/** The unfolded sum of the pseudo-header (RFC 8200 section 8.1) of a packet in `bytes`. */
export function ipv6PseudoHeaderSum(bytes: Uint8Array, offset: number): number {
  const addresses = sumOctets(bytes, offset + SOURCE_OFFSET, 2 * IPV6_ADDRESS_BYTES);
  return addresses + readIpv6PayloadBytes(bytes, offset) + readIpv6NextHeader(bytes, offset);
}

/**
 * Writes a header with traffic class and flow label 0 and returns its length (40).
 *
 * @throws WireError when it does not fit, or when a field is out of range.
 */
export function writeIpv6Header(bytes: Uint8Array, offset: number, header: Ipv6Header): number {
  const hopLimit = header.hopLimit ?? DEFAULT_HOP_LIMIT;
  requireRange('IPv6 source length', header.source.length, 16, 16);
  requireRange('IPv6 destination length', header.destination.length, 16, 16);
  requireRange('IPv6 payload length', header.payloadBytes, 0, 0xffff);
  requireRange('IPv6 next header', header.nextHeader, 0, 0xff);
  requireRange('IPv6 hop limit', hopLimit, 0, 0xff);
  requireSpace(bytes, offset, IPV6_HEADER_BYTES);
  writeUint32(bytes, offset, 0x60000000);
  writeUint16(bytes, offset + 4, header.payloadBytes);
  writeUint8(bytes, offset + 6, header.nextHeader);
  writeUint8(bytes, offset + 7, hopLimit);
  writeOctets(bytes, offset + SOURCE_OFFSET, header.source);
  writeOctets(bytes, offset + DESTINATION_OFFSET, header.destination);
  return IPV6_HEADER_BYTES;
}
