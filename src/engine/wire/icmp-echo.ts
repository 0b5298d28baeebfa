/**
 * The echo messages that ICMP (RFC 792) and ICMPv6 (RFC 4443 section 4) share: the same eight-byte
 * header under different type numbers and with different checksums.
 *
 *      0      1      2          4            6          8
 *     +------+------+----------+------------+----------+------…
 *     | type | code | checksum | identifier | sequence | data
 *     +------+------+----------+------------+----------+------…
 */
import {
  readUint16,
  readUint8,
  requireRange,
  requireSpace,
  writeOctets,
  writeUint16,
  writeUint8,
} from './octets';

/** Length of the header of an echo message. */
export const ICMP_ECHO_HEADER_BYTES = 8;
/** Offset of the checksum in every ICMP and ICMPv6 message. */
export const ICMP_CHECKSUM_OFFSET = 2;

/** One echo message; the answer repeats identifier, sequence and data. */
export interface IcmpEcho {
  /** 0 to 65535; tells one asker from another. */
  readonly identifier: number;
  /** 0 to 65535; counts the questions. */
  readonly sequence: number;
  /** Default: none. */
  readonly data?: Uint8Array;
}

/** The message type; ICMP and ICMPv6 number them differently. */
export function readIcmpType(bytes: Uint8Array, offset: number): number {
  return readUint8(bytes, offset);
}

/** The message code, 0 for echo. */
export function readIcmpCode(bytes: Uint8Array, offset: number): number {
  return readUint8(bytes, offset + 1);
}

/** The identifier of an echo message. */
export function readIcmpEchoIdentifier(bytes: Uint8Array, offset: number): number {
  return readUint16(bytes, offset + 4);
}

/** The sequence number of an echo message. */
export function readIcmpEchoSequence(bytes: Uint8Array, offset: number): number {
  return readUint16(bytes, offset + 6);
}

/** Length of the message that {@link writeIcmpEcho} makes. */
export function icmpEchoBytes(echo: IcmpEcho): number {
  return ICMP_ECHO_HEADER_BYTES + (echo.data?.length ?? 0);
}

/** Writes a message with a checksum of zero, to be filled in by the caller; returns its length. */
export function writeIcmpEcho(
  bytes: Uint8Array,
  offset: number,
  type: number,
  echo: IcmpEcho,
): number {
  const messageBytes = icmpEchoBytes(echo);
  requireRange('ICMP echo identifier', echo.identifier, 0, 0xffff);
  requireRange('ICMP echo sequence', echo.sequence, 0, 0xffff);
  requireSpace(bytes, offset, messageBytes);
  writeUint8(bytes, offset, type);
  writeUint8(bytes, offset + 1, 0);
  writeUint16(bytes, offset + ICMP_CHECKSUM_OFFSET, 0);
  writeUint16(bytes, offset + 4, echo.identifier);
  writeUint16(bytes, offset + 6, echo.sequence);
  if (echo.data !== undefined) {
    writeOctets(bytes, offset + ICMP_ECHO_HEADER_BYTES, echo.data);
  }
  return messageBytes;
}
