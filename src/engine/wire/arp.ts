/**
 * ARP for IPv4 over Ethernet (RFC 826): which MAC address has this IPv4 address?
 *
 *      0       2       4    5    6       8            14          18           24          28
 *     +-------+-------+----+----+-------+------------+-----------+------------+-----------+
 *     | htype | ptype | 6  | 4  | oper. | sender MAC | sender IP | target MAC | target IP |
 *     +-------+-------+----+----+-------+------------+-----------+------------+-----------+
 *
 * RARP (RFC 903) has the same layout under another EtherType; see rarp.ts.
 */
import type { Ipv4Address } from '../../shared/ipv4-address';
import { ipv4AddressToNumber } from '../../shared/ipv4-address';
import type { MacAddress } from '../../shared/mac-address';
import { BROADCAST_MAC, ZERO_MAC, macAddressFromBytes } from '../../shared/mac-address';
import { ETHER_TYPE, padFrame, writeEthernetHeader, writeMacAddress } from './ethernet';
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
import type { VlanTag } from './vlan-tag';

/** Length of a packet for Ethernet and IPv4. */
export const ARP_BYTES = 28;

/** Operation codes; the two reverse ones are RARP's. */
export const ARP_OPERATION = { request: 1, reply: 2, reverseRequest: 3, reverseReply: 4 } as const;

const ETHERNET_HARDWARE_TYPE = 1;

/** The addresses and the operation of one packet. */
export interface ArpPacket {
  /** 1 to 65535; see {@link ARP_OPERATION}. */
  readonly operation: number;
  readonly senderMac: MacAddress;
  readonly senderIp: Ipv4Address;
  readonly targetMac: MacAddress;
  readonly targetIp: Ipv4Address;
}

/** What {@link buildArpRequest} asks, and as whom. */
export interface ArpRequest {
  readonly senderMac: MacAddress;
  readonly senderIp: Ipv4Address;
  readonly targetIp: Ipv4Address;
  readonly vlan?: VlanTag;
}

/** What {@link buildArpReply} answers, and to whom. */
export interface ArpReply extends ArpRequest {
  readonly targetMac: MacAddress;
}

/**
 * Whether a whole ARP or RARP packet for Ethernet and IPv4 begins at `offset`; `lengthBytes` counts
 * from there to the end of the frame.
 */
export function isArpPacket(bytes: Uint8Array, offset: number, lengthBytes: number): boolean {
  return (
    lengthBytes >= ARP_BYTES &&
    readUint16(bytes, offset) === ETHERNET_HARDWARE_TYPE &&
    readUint16(bytes, offset + 2) === ETHER_TYPE.ipv4 &&
    readUint8(bytes, offset + 4) === 6 &&
    readUint8(bytes, offset + 5) === 4
  );
}

/** The operation code of a packet. */
export function readArpOperation(bytes: Uint8Array, offset: number): number {
  return readUint16(bytes, offset + 6);
}

/** The sender's MAC address as text; allocates. */
export function readArpSenderMac(bytes: Uint8Array, offset: number): MacAddress {
  return macAddressFromBytes(bytes, offset + 8);
}

/** The sender's IPv4 address as a number. */
export function readArpSenderIp(bytes: Uint8Array, offset: number): number {
  return readUint32(bytes, offset + 14);
}

/** The target's MAC address as text; allocates. */
export function readArpTargetMac(bytes: Uint8Array, offset: number): MacAddress {
  return macAddressFromBytes(bytes, offset + 18);
}

/** The target's IPv4 address as a number. */
export function readArpTargetIp(bytes: Uint8Array, offset: number): number {
  return readUint32(bytes, offset + 24);
}

/** Writes a packet without Ethernet header and returns its length (28). */
export function writeArpPacket(bytes: Uint8Array, offset: number, packet: ArpPacket): number {
  requireRange('ARP operation', packet.operation, 1, 0xffff);
  requireSpace(bytes, offset, ARP_BYTES);
  writeUint16(bytes, offset, ETHERNET_HARDWARE_TYPE);
  writeUint16(bytes, offset + 2, ETHER_TYPE.ipv4);
  writeUint8(bytes, offset + 4, 6);
  writeUint8(bytes, offset + 5, 4);
  writeUint16(bytes, offset + 6, packet.operation);
  writeMacAddress(bytes, offset + 8, packet.senderMac);
  writeUint32(bytes, offset + 14, ipv4AddressToNumber(packet.senderIp));
  writeMacAddress(bytes, offset + 18, packet.targetMac);
  writeUint32(bytes, offset + 24, ipv4AddressToNumber(packet.targetIp));
  return ARP_BYTES;
}

/** Writes the whole broadcast frame "who has `targetIp`?" and returns its length. */
export function buildArpRequest(bytes: Uint8Array, offset: number, request: ArpRequest): number {
  const packet = { ...request, operation: ARP_OPERATION.request, targetMac: ZERO_MAC };
  return buildArpFrame(bytes, offset, BROADCAST_MAC, packet, request.vlan);
}

/** Writes the whole frame "`senderIp` is at `senderMac`" to one asker and returns its length. */
export function buildArpReply(bytes: Uint8Array, offset: number, reply: ArpReply): number {
  const packet = { ...reply, operation: ARP_OPERATION.reply };
  return buildArpFrame(bytes, offset, reply.targetMac, packet, reply.vlan);
}

function buildArpFrame(
  bytes: Uint8Array,
  offset: number,
  destination: MacAddress,
  packet: ArpPacket,
  vlan: VlanTag | undefined,
): number {
  const addresses = { destination, source: packet.senderMac, ...(vlan && { vlan }) };
  const headerBytes = writeEthernetHeader(bytes, offset, addresses, ETHER_TYPE.arp);
  const packetBytes = writeArpPacket(bytes, offset + headerBytes, packet);
  return padFrame(bytes, offset, headerBytes + packetBytes);
}
