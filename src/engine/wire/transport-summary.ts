/**
 * What an IP packet carries, as plain objects: the lower half of frame-summary.ts, with the same
 * promise not to throw on what a frame holds.
 */
import {
  ICMP_ECHO_HEADER_BYTES,
  readIcmpCode,
  readIcmpEchoIdentifier,
  readIcmpEchoSequence,
  readIcmpType,
} from './icmp-echo';
import { isIcmpChecksumValid, isIcmpEcho } from './icmp';
import { ICMPV6_HEADER_BYTES, isIcmpv6ChecksumValid, isIcmpv6Echo } from './icmpv6';
import type { Probe } from './probe';
import {
  PROBE_UDP_PORT,
  isProbe,
  readProbeFlowId,
  readProbeSendTimeNs,
  readProbeSequence,
} from './probe';
import {
  UDP_HEADER_BYTES,
  isUdpChecksumValid,
  readUdpDestinationPort,
  readUdpSourcePort,
  udpDatagramBytes,
} from './udp';

/** A layer whose header is cut short or contradicts the frame. */
export interface MalformedLayer {
  readonly kind: 'malformed';
  readonly layer: 'ethernet' | 'vlan' | 'arp' | 'ipv4' | 'ipv6' | 'icmp' | 'icmpv6' | 'udp';
  readonly reason: string;
}

/** A layer that is well framed but not known here. */
export interface UnknownLayer {
  readonly kind: 'unknown';
  /** EtherType or IP protocol number, by which the layer above named it. */
  readonly type: number;
  readonly lengthBytes: number;
}

/** An ICMP or ICMPv6 message; the echo fields are there for echo messages only. */
export interface IcmpSummary {
  readonly kind: 'icmp' | 'icmpv6';
  readonly type: number;
  readonly code: number;
  readonly isChecksumValid: boolean;
  readonly echo?: { readonly identifier: number; readonly sequence: number };
  readonly lengthBytes: number;
}

/** A UDP datagram; `probe` is there if its payload is one. */
export interface UdpSummary {
  readonly kind: 'udp';
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Over IPv6 the checksum is not looked at. */
  readonly isChecksumValid?: boolean;
  readonly payloadBytes: number;
  readonly probe?: Probe;
}

/** A part of a larger packet, whose payload cannot be read alone. */
export interface FragmentLayer {
  readonly kind: 'fragment';
  readonly lengthBytes: number;
}

/** What an IP packet carries. */
export type TransportSummary =
  IcmpSummary | UdpSummary | FragmentLayer | UnknownLayer | MalformedLayer;

/** Decodes the ICMP message from `offset` to `end`, where the IP packet ends. */
export function decodeIcmp(
  bytes: Uint8Array,
  offset: number,
  end: number,
): IcmpSummary | MalformedLayer {
  const lengthBytes = end - offset;
  if (lengthBytes < ICMP_ECHO_HEADER_BYTES) {
    return tooShort('icmp', lengthBytes, ICMP_ECHO_HEADER_BYTES);
  }
  return {
    kind: 'icmp',
    type: readIcmpType(bytes, offset),
    code: readIcmpCode(bytes, offset),
    isChecksumValid: isIcmpChecksumValid(bytes, offset, lengthBytes),
    ...(isIcmpEcho(bytes, offset, lengthBytes) && { echo: decodeEcho(bytes, offset) }),
    lengthBytes,
  };
}

/** Decodes the ICMPv6 message from `offset` to `end` of the packet at `ipOffset`. */
export function decodeIcmpv6(
  bytes: Uint8Array,
  ipOffset: number,
  offset: number,
  end: number,
): IcmpSummary | MalformedLayer {
  const lengthBytes = end - offset;
  if (lengthBytes < ICMPV6_HEADER_BYTES) {
    return tooShort('icmpv6', lengthBytes, ICMPV6_HEADER_BYTES);
  }
  return {
    kind: 'icmpv6',
    type: readIcmpType(bytes, offset),
    code: readIcmpCode(bytes, offset),
    isChecksumValid: isIcmpv6ChecksumValid(bytes, ipOffset),
    ...(isIcmpv6Echo(bytes, offset, lengthBytes) && { echo: decodeEcho(bytes, offset) }),
    lengthBytes,
  };
}

function decodeEcho(bytes: Uint8Array, offset: number): { identifier: number; sequence: number } {
  return {
    identifier: readIcmpEchoIdentifier(bytes, offset),
    sequence: readIcmpEchoSequence(bytes, offset),
  };
}

/** Decodes the UDP datagram at `offset`; the checksum only if `ipv4Offset` is given. */
export function decodeUdp(
  bytes: Uint8Array,
  offset: number,
  end: number,
  ipv4Offset?: number,
): UdpSummary | MalformedLayer {
  const datagramBytes = udpDatagramBytes(bytes, offset, end - offset);
  if (datagramBytes === 0) {
    return {
      kind: 'malformed',
      layer: 'udp',
      reason: `expected a length of at least 8 that fits in ${end - offset} bytes`,
    };
  }
  const destinationPort = readUdpDestinationPort(bytes, offset);
  const payloadBytes = datagramBytes - UDP_HEADER_BYTES;
  const payloadStart = offset + UDP_HEADER_BYTES;
  const hasProbe = destinationPort === PROBE_UDP_PORT && isProbe(bytes, payloadStart, payloadBytes);
  return {
    kind: 'udp',
    sourcePort: readUdpSourcePort(bytes, offset),
    destinationPort,
    ...(ipv4Offset !== undefined && {
      isChecksumValid: isUdpChecksumValid(bytes, ipv4Offset, offset, datagramBytes),
    }),
    payloadBytes,
    ...(hasProbe && { probe: decodeProbe(bytes, payloadStart) }),
  };
}

function decodeProbe(bytes: Uint8Array, offset: number): Probe {
  return {
    flowId: readProbeFlowId(bytes, offset),
    sequence: readProbeSequence(bytes, offset),
    sendTimeNs: readProbeSendTimeNs(bytes, offset),
  };
}

/** The layer that is too short for its header. */
export function tooShort(
  layer: MalformedLayer['layer'],
  foundBytes: number,
  expectedBytes: number,
): MalformedLayer {
  const reason = `expected at least ${expectedBytes} bytes, got ${foundBytes}`;
  return { kind: 'malformed', layer, reason };
}
