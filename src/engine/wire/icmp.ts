/**
 * ICMP echo over IPv4 (RFC 792), the question and answer of `ping`. Layout and readers that ICMPv6
 * shares are in icmp-echo.ts.
 */
import type { EthernetAddresses } from './ethernet';
import { ETHER_TYPE, padFrame, writeEthernetHeader } from './ethernet';
import type { IcmpEcho } from './icmp-echo';
import {
  ICMP_CHECKSUM_OFFSET,
  ICMP_ECHO_HEADER_BYTES,
  icmpEchoBytes,
  readIcmpCode,
  readIcmpType,
  writeIcmpEcho,
} from './icmp-echo';
import { internetChecksum } from './internet-checksum';
import type { Ipv4Addresses } from './ipv4';
import { IP_PROTOCOL, writeIpv4Header } from './ipv4';
import { writeUint16 } from './octets';

/** Message types of ICMP that the engine knows. */
export const ICMP_TYPE = { echoReply: 0, echoRequest: 8 } as const;

/** Whether an echo request or reply begins at `offset`; its checksum is not looked at. */
export function isIcmpEcho(bytes: Uint8Array, offset: number, lengthBytes: number): boolean {
  if (lengthBytes < ICMP_ECHO_HEADER_BYTES || readIcmpCode(bytes, offset) !== 0) return false;
  const type = readIcmpType(bytes, offset);
  return type === ICMP_TYPE.echoRequest || type === ICMP_TYPE.echoReply;
}

/** Whether the checksum holds over the whole message of `lengthBytes`. */
export function isIcmpChecksumValid(
  bytes: Uint8Array,
  offset: number,
  lengthBytes: number,
): boolean {
  return internetChecksum(bytes, offset, lengthBytes) === 0;
}

/**
 * Writes a whole frame with an echo request or reply and returns its length.
 *
 * @throws WireError when it does not fit, or when a field is out of range.
 */
export function buildIcmpEchoFrame(
  bytes: Uint8Array,
  offset: number,
  ethernet: EthernetAddresses,
  ip: Ipv4Addresses,
  kind: keyof typeof ICMP_TYPE,
  echo: IcmpEcho,
): number {
  const payloadBytes = icmpEchoBytes(echo);
  let end = offset + writeEthernetHeader(bytes, offset, ethernet, ETHER_TYPE.ipv4);
  end += writeIpv4Header(bytes, end, { ...ip, protocol: IP_PROTOCOL.icmp, payloadBytes });
  writeIcmpEcho(bytes, end, ICMP_TYPE[kind], echo);
  writeUint16(bytes, end + ICMP_CHECKSUM_OFFSET, internetChecksum(bytes, end, payloadBytes));
  return padFrame(bytes, offset, end + payloadBytes - offset);
}
