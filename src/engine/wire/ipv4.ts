/**
 * IPv4 headers (RFC 791 section 3.1).
 *
 *      0    1    2        4        6        8    9    10       12       16       20
 *     +----+----+--------+--------+--------+----+----+--------+--------+--------+---…
 *     |4 hl|tos | length | ident. | fl+frag| ttl|prot| chksum | source | dest.  | options
 *     +----+----+--------+--------+--------+----+----+--------+--------+--------+---…
 *
 * Callers ask {@link ipv4HeaderBytes} first; the readers trust that it was not 0.
 */
import type { Ipv4Address } from '../../shared/ipv4-address';
import { ipv4AddressToNumber } from '../../shared/ipv4-address';
import { internetChecksum, sumUint32 } from './internet-checksum';
import {
  readUint16,
  readUint32,
  readUint8,
  requireRange,
  requireSpace,
  writeUint16,
  writeUint32,
  writeUint8,
} from './octets';

/** Length of a header without options, the only kind that is built here. */
export const IPV4_HEADER_BYTES = 20;
/** Hops given to packets that do not say otherwise (RFC 1700's recommendation). */
export const DEFAULT_TTL = 64;

/** Protocol numbers that the engine knows (IANA "protocol numbers"), for IPv6 as well. */
export const IP_PROTOCOL = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58 } as const;

const MAX_PACKET_BYTES = 0xffff;
const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS_OR_OFFSET = 0x3fff;

/** What a caller of a packet builder says about the IPv4 layer. */
export interface Ipv4Addresses {
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
  /** 0 to 255; default {@link DEFAULT_TTL}. */
  readonly ttl?: number;
  /** 0 to 65535; default 0, which is allowed since packets are not fragmented (RFC 6864). */
  readonly identification?: number;
}

/** All that {@link writeIpv4Header} needs. */
export interface Ipv4Header extends Ipv4Addresses {
  readonly protocol: number;
  /** Bytes that follow the header. */
  readonly payloadBytes: number;
}

/**
 * Length of the header that begins at `offset`, or 0 if there is no well-formed packet: version,
 * header length, and a total length that fits in the `lengthBytes` up to the end of the frame.
 */
export function ipv4HeaderBytes(bytes: Uint8Array, offset: number, lengthBytes: number): number {
  if (lengthBytes < IPV4_HEADER_BYTES) return 0;
  const versionAndLength = readUint8(bytes, offset);
  if (versionAndLength >>> 4 !== 4) return 0;
  const headerBytes = (versionAndLength & 0x0f) * 4;
  const totalBytes = readIpv4TotalBytes(bytes, offset);
  const isWhole =
    headerBytes >= IPV4_HEADER_BYTES && headerBytes <= totalBytes && totalBytes <= lengthBytes;
  return isWhole ? headerBytes : 0;
}

/** Length of the packet, header included; what follows in the frame is padding. */
export function readIpv4TotalBytes(bytes: Uint8Array, offset: number): number {
  return readUint16(bytes, offset + 2);
}

/** The number that joins fragments of one packet. */
export function readIpv4Identification(bytes: Uint8Array, offset: number): number {
  return readUint16(bytes, offset + 4);
}

/** Whether the packet is a fragment: more follow, or some came before. */
export function isIpv4Fragment(bytes: Uint8Array, offset: number): boolean {
  return (readUint16(bytes, offset + 6) & MORE_FRAGMENTS_OR_OFFSET) !== 0;
}

/** Hops left. */
export function readIpv4Ttl(bytes: Uint8Array, offset: number): number {
  return readUint8(bytes, offset + 8);
}

/** What the payload is; see {@link IP_PROTOCOL}. */
export function readIpv4Protocol(bytes: Uint8Array, offset: number): number {
  return readUint8(bytes, offset + 9);
}

/** The source address as a number. */
export function readIpv4Source(bytes: Uint8Array, offset: number): number {
  return readUint32(bytes, offset + 12);
}

/** The destination address as a number. */
export function readIpv4Destination(bytes: Uint8Array, offset: number): number {
  return readUint32(bytes, offset + 16);
}

/** Whether the header's own checksum holds; `headerBytes` comes from {@link ipv4HeaderBytes}. */
export function isIpv4ChecksumValid(
  bytes: Uint8Array,
  offset: number,
  headerBytes: number,
): boolean {
  return internetChecksum(bytes, offset, headerBytes) === 0;
}

/**
 * The unfolded sum of the pseudo-header (RFC 768) of a packet in `bytes`, to which the checksum of
 * its UDP or TCP payload is added.
 */
export function ipv4PseudoHeaderSum(
  bytes: Uint8Array,
  offset: number,
  payloadBytes: number,
): number {
  const addresses =
    sumUint32(readIpv4Source(bytes, offset)) + sumUint32(readIpv4Destination(bytes, offset));
  return addresses + readIpv4Protocol(bytes, offset) + payloadBytes;
}

/**
 * Writes a header with its checksum, "do not fragment" set, and returns its length (20).
 *
 * @throws WireError when it does not fit, or when a field is out of range.
 */
export function writeIpv4Header(bytes: Uint8Array, offset: number, header: Ipv4Header): number {
  const identification = header.identification ?? 0;
  const ttl = header.ttl ?? DEFAULT_TTL;
  requireRange('IPv4 payload length', header.payloadBytes, 0, MAX_PACKET_BYTES - IPV4_HEADER_BYTES);
  requireRange('IPv4 identification', identification, 0, 0xffff);
  requireRange('IPv4 time to live', ttl, 0, 0xff);
  requireRange('IPv4 protocol', header.protocol, 0, 0xff);
  requireSpace(bytes, offset, IPV4_HEADER_BYTES);
  writeUint16(bytes, offset, 0x4500);
  writeUint16(bytes, offset + 2, IPV4_HEADER_BYTES + header.payloadBytes);
  writeUint16(bytes, offset + 4, identification);
  writeUint16(bytes, offset + 6, DONT_FRAGMENT);
  writeUint8(bytes, offset + 8, ttl);
  writeUint8(bytes, offset + 9, header.protocol);
  writeUint16(bytes, offset + 10, 0);
  writeUint32(bytes, offset + 12, ipv4AddressToNumber(header.source));
  writeUint32(bytes, offset + 16, ipv4AddressToNumber(header.destination));
  writeUint16(bytes, offset + 10, internetChecksum(bytes, offset, IPV4_HEADER_BYTES));
  return IPV4_HEADER_BYTES;
}
