/**
 * The announcement of a MAC address after a migration: a broadcast reverse ARP request (RFC 903) in
 * which a station asks for its own address. Nobody has to answer; every switch on the way learns
 * the port at which the address now is. One frame per VLAN, repeated by the caller.
 */
import { UNSPECIFIED_IPV4 } from '../../shared/ipv4-address';
import type { MacAddress } from '../../shared/mac-address';
import { BROADCAST_MAC } from '../../shared/mac-address';
import { ARP_OPERATION, writeArpPacket } from './arp';
import { ETHER_TYPE, padFrame, writeEthernetHeader } from './ethernet';
import type { VlanTag } from './vlan-tag';

/**
 * Writes the whole frame that announces `mac`, tagged if `vlan` is given, and returns its length.
 *
 * @throws WireError when it does not fit, or when a part of the tag is out of range.
 */
export function buildRarpAnnounce(
  bytes: Uint8Array,
  offset: number,
  mac: MacAddress,
  vlan?: VlanTag,
): number {
  const addresses = { destination: BROADCAST_MAC, source: mac, ...(vlan && { vlan }) };
  const headerBytes = writeEthernetHeader(bytes, offset, addresses, ETHER_TYPE.rarp);
  const packetBytes = writeArpPacket(bytes, offset + headerBytes, {
    operation: ARP_OPERATION.reverseRequest,
    senderMac: mac,
    senderIp: UNSPECIFIED_IPV4,
    targetMac: mac,
    targetIp: UNSPECIFIED_IPV4,
  });
  return padFrame(bytes, offset, headerBytes + packetBytes);
}
