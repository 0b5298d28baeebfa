/**
 * ICMPv6 (RFC 4443): echo in full, and the type of every other message so that neighbour discovery
 * (RFC 4861) can be recognised. Unlike ICMP, the checksum covers a pseudo-header.
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
import { foldChecksum, sumOctets } from './internet-checksum';
import { IP_PROTOCOL } from './ipv4';
import type { Ipv6Addresses } from './ipv6';
import {
  IPV6_HEADER_BYTES,
  ipv6PseudoHeaderSum,
  readIpv6PayloadBytes,
  writeIpv6Header,
} from './ipv6';
import { writeUint16 } from './octets';

/** Message types of ICMPv6 that the engine knows. */
export const ICMPV6_TYPE = {
  echoRequest: 128,
  echoReply: 129,
  neighborSolicitation: 135,
  neighborAdvertisement: 136,
} as const;

/** Shortest message: type, code and checksum. */
export const ICMPV6_HEADER_BYTES = 4;

/** Whether an echo request or reply begins at `offset`; its checksum is not looked at. */
export function isIcmpv6Echo(bytes: Uint8Array, offset: number, lengthBytes: number): boolean {
  if (lengthBytes < ICMP_ECHO_HEADER_BYTES || readIcmpCode(bytes, offset) !== 0) return false;
  const type = readIcmpType(bytes, offset);
  return type === ICMPV6_TYPE.echoRequest || type === ICMPV6_TYPE.echoReply;
}

/** Whether the checksum holds for the packet whose IPv6 header begins at `ipOffset`. */
export function isIcmpv6ChecksumValid(bytes: Uint8Array, ipOffset: number): boolean {
  return icmpv6Checksum(bytes, ipOffset) === 0;
}

/**
 * Writes a whole frame with an echo request or reply and returns its length.
 *
 * @throws WireError when it does not fit, or when a field is out of range.
 */
export function buildIcmpv6EchoFrame(
  bytes: Uint8Array,
  offset: number,
  ethernet: EthernetAddresses,
  ip: Ipv6Addresses,
  kind: 'echoRequest' | 'echoReply',
  echo: IcmpEcho,
): number {
  const payloadBytes = icmpEchoBytes(echo);
  const ipOffset = offset + writeEthernetHeader(bytes, offset, ethernet, ETHER_TYPE.ipv6);
  const header = { ...ip, nextHeader: IP_PROTOCOL.icmpv6, payloadBytes };
  const messageOffset = ipOffset + writeIpv6Header(bytes, ipOffset, header);
  writeIcmpEcho(bytes, messageOffset, ICMPV6_TYPE[kind], echo);
  writeUint16(bytes, messageOffset + ICMP_CHECKSUM_OFFSET, icmpv6Checksum(bytes, ipOffset));
  return padFrame(bytes, offset, messageOffset + payloadBytes - offset);
}

function icmpv6Checksum(bytes: Uint8Array, ipOffset: number): number {
  const payloadBytes = readIpv6PayloadBytes(bytes, ipOffset);
  const pseudoHeader = ipv6PseudoHeaderSum(bytes, ipOffset);
  return foldChecksum(sumOctets(bytes, ipOffset + IPV6_HEADER_BYTES, payloadBytes, pseudoHeader));
}
