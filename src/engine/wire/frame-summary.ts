/**
 * A frame as a plain object tree, for inspection and tests. Allocates freely: never on the data
 * path.
 *
 * Decoding does not throw on what a frame holds. A layer that is cut short or contradicts itself
 * becomes `{ kind: 'malformed' }` with the reason; a layer that is not known becomes `unknown`.
 */
import type { Ipv4Address } from '../../shared/ipv4-address';
import { ipv4AddressFromNumber } from '../../shared/ipv4-address';
import type { MacAddress } from '../../shared/mac-address';
import {
  isArpPacket,
  readArpOperation,
  readArpSenderIp,
  readArpSenderMac,
  readArpTargetIp,
  readArpTargetMac,
} from './arp';
import {
  ETHERNET_HEADER_BYTES,
  ETHER_TYPE,
  hasEthernetHeader,
  readDestinationMac,
  readSourceMac,
} from './ethernet';
import {
  IP_PROTOCOL,
  ipv4HeaderBytes,
  isIpv4ChecksumValid,
  isIpv4Fragment,
  readIpv4Destination,
  readIpv4Protocol,
  readIpv4Source,
  readIpv4TotalBytes,
  readIpv4Ttl,
} from './ipv4';
import {
  IPV6_HEADER_BYTES,
  ipv6DestinationOffset,
  ipv6SourceOffset,
  isIpv6Packet,
  readIpv6HopLimit,
  readIpv6NextHeader,
  readIpv6PayloadBytes,
} from './ipv6';
import { formatIpv6Address } from './ipv6-address';
import { readUint16, requireSpace } from './octets';
import type { VlanTag } from './vlan-tag';
import { VLAN_TAG_BYTES, isDropEligible, priorityOf, vlanIdOf } from './vlan-tag';
import type { MalformedLayer, TransportSummary, UnknownLayer } from './transport-summary';
import { decodeIcmp, decodeIcmpv6, decodeUdp, tooShort } from './transport-summary';

/** A frame with more tags than this is malformed. */
const MAX_TAGS = 4;

/** One tag, outermost first. */
export interface VlanSummary extends Required<VlanTag> {
  /** 0x8100 or 0x88a8. */
  readonly tagProtocol: number;
}

/** An ARP packet, or a RARP packet with the same layout. */
export interface ArpSummary {
  readonly kind: 'arp' | 'rarp';
  readonly operation: number;
  readonly senderMac: MacAddress;
  readonly senderIp: Ipv4Address;
  readonly targetMac: MacAddress;
  readonly targetIp: Ipv4Address;
}

/** An IPv4 packet. */
export interface Ipv4Summary {
  readonly kind: 'ipv4';
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
  readonly protocol: number;
  readonly ttl: number;
  readonly isChecksumValid: boolean;
  readonly totalBytes: number;
  readonly payload: TransportSummary;
}

/** An IPv6 packet; addresses in the form of RFC 5952. */
export interface Ipv6Summary {
  readonly kind: 'ipv6';
  readonly source: string;
  readonly destination: string;
  readonly nextHeader: number;
  readonly hopLimit: number;
  readonly totalBytes: number;
  readonly payload: TransportSummary;
}

/** What a frame carries. */
export type NetworkSummary = ArpSummary | Ipv4Summary | Ipv6Summary | UnknownLayer | MalformedLayer;

/** A frame with a whole Ethernet header. */
export interface EthernetSummary {
  readonly kind: 'ethernet';
  readonly lengthBytes: number;
  readonly destination: MacAddress;
  readonly source: MacAddress;
  readonly tags: readonly VlanSummary[];
  /** Behind the tags. */
  readonly etherType: number;
  readonly payload: NetworkSummary;
}

/** A frame, or the reason why it is none. */
export type FrameSummary = EthernetSummary | MalformedLayer;

/**
 * Decodes the frame of `lengthBytes` at `offset`.
 *
 * @throws WireError `wire-out-of-bounds` when that range is not inside `bytes`; for no other reason.
 */
export function decodeFrame(
  bytes: Uint8Array,
  offset = 0,
  lengthBytes = bytes.length - offset,
): FrameSummary {
  requireSpace(bytes, offset, lengthBytes);
  if (!hasEthernetHeader(lengthBytes)) {
    return tooShort('ethernet', lengthBytes, ETHERNET_HEADER_BYTES);
  }
  const tags: VlanSummary[] = [];
  const end = offset + lengthBytes;
  let typeOffset = offset + ETHERNET_HEADER_BYTES - 2;
  while (isTagType(readUint16(bytes, typeOffset)) && tags.length < MAX_TAGS) {
    if (typeOffset + 2 + VLAN_TAG_BYTES > end) break;
    tags.push(decodeTag(bytes, typeOffset));
    typeOffset += VLAN_TAG_BYTES;
  }
  const etherType = readUint16(bytes, typeOffset);
  return {
    kind: 'ethernet',
    lengthBytes,
    destination: readDestinationMac(bytes, offset),
    source: readSourceMac(bytes, offset),
    tags,
    etherType,
    payload: decodeNetwork(bytes, typeOffset + 2, end, etherType),
  };
}

function isTagType(etherType: number): boolean {
  return etherType === ETHER_TYPE.vlan || etherType === ETHER_TYPE.serviceVlan;
}

function decodeTag(bytes: Uint8Array, typeOffset: number): VlanSummary {
  const tci = readUint16(bytes, typeOffset + 2);
  return {
    tagProtocol: readUint16(bytes, typeOffset),
    vlanId: vlanIdOf(tci),
    priority: priorityOf(tci),
    dropEligible: isDropEligible(tci),
  };
}

function decodeNetwork(
  bytes: Uint8Array,
  offset: number,
  end: number,
  etherType: number,
): NetworkSummary {
  switch (etherType) {
    case ETHER_TYPE.arp:
      return decodeArp(bytes, offset, end, 'arp');
    case ETHER_TYPE.rarp:
      return decodeArp(bytes, offset, end, 'rarp');
    case ETHER_TYPE.ipv4:
      return decodeIpv4(bytes, offset, end);
    case ETHER_TYPE.ipv6:
      return decodeIpv6(bytes, offset, end);
    case ETHER_TYPE.vlan:
    case ETHER_TYPE.serviceVlan:
      return {
        kind: 'malformed',
        layer: 'vlan',
        reason: `expected at most ${MAX_TAGS} whole tags, got another with ${end - offset} bytes left`,
      };
    default:
      return { kind: 'unknown', type: etherType, lengthBytes: end - offset };
  }
}

function decodeArp(
  bytes: Uint8Array,
  offset: number,
  end: number,
  kind: ArpSummary['kind'],
): ArpSummary | MalformedLayer {
  if (!isArpPacket(bytes, offset, end - offset)) {
    return {
      kind: 'malformed',
      layer: 'arp',
      reason: `expected 28 bytes of Ethernet and IPv4 addresses, got ${end - offset} bytes`,
    };
  }
  return {
    kind,
    operation: readArpOperation(bytes, offset),
    senderMac: readArpSenderMac(bytes, offset),
    senderIp: ipv4AddressFromNumber(readArpSenderIp(bytes, offset)),
    targetMac: readArpTargetMac(bytes, offset),
    targetIp: ipv4AddressFromNumber(readArpTargetIp(bytes, offset)),
  };
}

function decodeIpv4(bytes: Uint8Array, offset: number, end: number): Ipv4Summary | MalformedLayer {
  const headerBytes = ipv4HeaderBytes(bytes, offset, end - offset);
  if (headerBytes === 0) {
    return {
      kind: 'malformed',
      layer: 'ipv4',
      reason: `expected a version 4 header whose lengths fit in ${end - offset} bytes`,
    };
  }
  const totalBytes = readIpv4TotalBytes(bytes, offset);
  return {
    kind: 'ipv4',
    source: ipv4AddressFromNumber(readIpv4Source(bytes, offset)),
    destination: ipv4AddressFromNumber(readIpv4Destination(bytes, offset)),
    protocol: readIpv4Protocol(bytes, offset),
    ttl: readIpv4Ttl(bytes, offset),
    isChecksumValid: isIpv4ChecksumValid(bytes, offset, headerBytes),
    totalBytes,
    payload: decodeIpv4Payload(bytes, offset, offset + headerBytes, offset + totalBytes),
  };
}

function decodeIpv4Payload(
  bytes: Uint8Array,
  ipOffset: number,
  offset: number,
  end: number,
): TransportSummary {
  const protocol = readIpv4Protocol(bytes, ipOffset);
  if (isIpv4Fragment(bytes, ipOffset)) return { kind: 'fragment', lengthBytes: end - offset };
  if (protocol === IP_PROTOCOL.icmp) return decodeIcmp(bytes, offset, end);
  if (protocol === IP_PROTOCOL.udp) return decodeUdp(bytes, offset, end, ipOffset);
  return { kind: 'unknown', type: protocol, lengthBytes: end - offset };
}

function decodeIpv6(bytes: Uint8Array, offset: number, end: number): Ipv6Summary | MalformedLayer {
  if (!isIpv6Packet(bytes, offset, end - offset)) {
    return {
      kind: 'malformed',
      layer: 'ipv6',
      reason: `expected a version 6 header whose payload fits in ${end - offset} bytes`,
    };
  }
  const payloadStart = offset + IPV6_HEADER_BYTES;
  const packetEnd = payloadStart + readIpv6PayloadBytes(bytes, offset);
  return {
    kind: 'ipv6',
    source: formatIpv6Address(bytes, ipv6SourceOffset(offset)),
    destination: formatIpv6Address(bytes, ipv6DestinationOffset(offset)),
    nextHeader: readIpv6NextHeader(bytes, offset),
    hopLimit: readIpv6HopLimit(bytes, offset),
    totalBytes: packetEnd - offset,
    payload: decodeIpv6Payload(bytes, offset, payloadStart, packetEnd),
  };
}

function decodeIpv6Payload(
  bytes: Uint8Array,
  ipOffset: number,
  offset: number,
  end: number,
): TransportSummary {
  const nextHeader = readIpv6NextHeader(bytes, ipOffset);
  if (nextHeader === IP_PROTOCOL.icmpv6) return decodeIcmpv6(bytes, ipOffset, offset, end);
  if (nextHeader === IP_PROTOCOL.udp) return decodeUdp(bytes, offset, end);
  return { kind: 'unknown', type: nextHeader, lengthBytes: end - offset };
}
