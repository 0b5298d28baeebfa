/**
 * UDP (RFC 768) over IPv4.
 *
 *      0             2                  4        6          8
 *     +-------------+------------------+--------+----------+------…
 *     | source port | destination port | length | checksum | data
 *     +-------------+------------------+--------+----------+------…
 *
 * The checksum covers a pseudo-header of the IP layer. Over IPv4 a stored 0 means "none"; a computed
 * 0 is stored as 0xffff.
 */
import type { EthernetAddresses } from './ethernet';
import { ETHER_TYPE, padFrame, writeEthernetHeader } from './ethernet';
import { foldChecksum, sumOctets } from './internet-checksum';
import type { Ipv4Addresses } from './ipv4';
import { IP_PROTOCOL, ipv4PseudoHeaderSum, writeIpv4Header } from './ipv4';
import { readUint16, requireRange, requireSpace, writeOctets, writeUint16 } from './octets';

/** Length of the header. */
export const UDP_HEADER_BYTES = 8;

const CHECKSUM_OFFSET = 6;

/** One datagram. */
export interface UdpDatagram {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

/**
 * Length of the datagram that begins at `offset`, header included, or 0 if its length field does
 * not fit in `lengthBytes`, the payload of the IP packet.
 */
export function udpDatagramBytes(bytes: Uint8Array, offset: number, lengthBytes: number): number {
  if (lengthBytes < UDP_HEADER_BYTES) return 0;
  const datagramBytes = readUint16(bytes, offset + 4);
  return datagramBytes >= UDP_HEADER_BYTES && datagramBytes <= lengthBytes ? datagramBytes : 0;
}

/** The sender's port. */
export function readUdpSourcePort(bytes: Uint8Array, offset: number): number {
  return readUint16(bytes, offset);
}

/** The receiver's port. */
export function readUdpDestinationPort(bytes: Uint8Array, offset: number): number {
  return readUint16(bytes, offset + 2);
}

/**
 * Whether the checksum of a datagram in an IPv4 packet holds, or is left out. `ipOffset` is where
 * the packet's header begins, `datagramBytes` comes from {@link udpDatagramBytes}.
 */
export function isUdpChecksumValid(
  bytes: Uint8Array,
  ipOffset: number,
  offset: number,
  datagramBytes: number,
): boolean {
  if (readUint16(bytes, offset + CHECKSUM_OFFSET) === 0) return true;
  const pseudoHeader = ipv4PseudoHeaderSum(bytes, ipOffset, datagramBytes);
  return foldChecksum(sumOctets(bytes, offset, datagramBytes, pseudoHeader)) === 0;
}

/**
 * Writes a whole frame with one datagram and returns its length.
 *
 * @throws WireError when it does not fit, or when a field is out of range.
 */
export function buildUdpFrame(
  bytes: Uint8Array,
  offset: number,
  ethernet: EthernetAddresses,
  ip: Ipv4Addresses,
  datagram: UdpDatagram,
): number {
  const payloadBytes = UDP_HEADER_BYTES + datagram.payload.length;
  const ipOffset = offset + writeEthernetHeader(bytes, offset, ethernet, ETHER_TYPE.ipv4);
  const header = { ...ip, protocol: IP_PROTOCOL.udp, payloadBytes };
  const udpOffset = ipOffset + writeIpv4Header(bytes, ipOffset, header);
  writeUdpHeader(bytes, udpOffset, datagram);
  writeOctets(bytes, udpOffset + UDP_HEADER_BYTES, datagram.payload);
  writeUdpChecksum(bytes, ipOffset, udpOffset, payloadBytes);
  return padFrame(bytes, offset, udpOffset + payloadBytes - offset);
}

function writeUdpHeader(bytes: Uint8Array, offset: number, datagram: UdpDatagram): void {
  requireRange('UDP source port', datagram.sourcePort, 0, 0xffff);
  requireRange('UDP destination port', datagram.destinationPort, 0, 0xffff);
  requireSpace(bytes, offset, UDP_HEADER_BYTES);
  writeUint16(bytes, offset, datagram.sourcePort);
  writeUint16(bytes, offset + 2, datagram.destinationPort);
  writeUint16(bytes, offset + 4, UDP_HEADER_BYTES + datagram.payload.length);
  writeUint16(bytes, offset + CHECKSUM_OFFSET, 0);
}

function writeUdpChecksum(
  bytes: Uint8Array,
  ipOffset: number,
  offset: number,
  datagramBytes: number,
): void {
  const pseudoHeader = ipv4PseudoHeaderSum(bytes, ipOffset, datagramBytes);
  const checksum = foldChecksum(sumOctets(bytes, offset, datagramBytes, pseudoHeader));
  writeUint16(bytes, offset + CHECKSUM_OFFSET, checksum === 0 ? 0xffff : checksum);
}
