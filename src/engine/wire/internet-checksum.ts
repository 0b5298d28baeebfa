/**
 * The Internet checksum (RFC 1071) of IPv4, ICMP, UDP and ICMPv6. Sums are kept unfolded so that a
 * pseudo-header and a payload can be added up before the one fold at the end:
 *
 *     foldChecksum(sumOctets(bytes, offset, length, pseudoHeaderSum));
 *
 * A sum over data that already holds its checksum folds to 0.
 */
import { readUint16, readUint8 } from './octets';

/**
 * Adds the range to `sum` as 16-bit words in network order; an odd last octet counts as the high
 * half of a word. Exact up to 64 KiB per call and any number of calls that a packet can need.
 */
export function sumOctets(bytes: Uint8Array, offset: number, lengthBytes: number, sum = 0): number {
  const end = offset + lengthBytes;
  let total = sum;
  let position = offset;
  for (; position + 1 < end; position += 2) total += readUint16(bytes, position);
  if (position < end) total += readUint8(bytes, position) << 8;
  return total;
}

/** The two halves of a 32-bit number as one unfolded sum. */
export function sumUint32(value: number): number {
  return (value >>> 16) + (value & 0xffff);
}

/** The checksum of an unfolded sum: carries added back, then inverted; 0 to 0xffff. */
export function foldChecksum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return ~folded & 0xffff;
}

/** The checksum of one range. */
export function internetChecksum(bytes: Uint8Array, offset: number, lengthBytes: number): number {
  return foldChecksum(sumOctets(bytes, offset, lengthBytes));
}
