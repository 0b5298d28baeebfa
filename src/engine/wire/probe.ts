/**
 * The stamped payload of probe flows, from which silence, loss, duplication and reordering during a
 * migration are measured. It travels in UDP datagrams to {@link PROBE_UDP_PORT}.
 *
 *      0       4         8          12                     20
 *     +-------+---------+----------+----------------------+
 *     | magic | flow id | sequence | send time (f64, ns)  |   network order
 *     +-------+---------+----------+----------------------+
 *
 * The send time is of the sender's monotonic clock. As a double it is exact to the nanosecond for
 * 104 days; time since 1970 would only be exact to 256 ns.
 */
import type { EthernetAddresses } from './ethernet';
import { ETHER_TYPE, hasEthernetHeader } from './ethernet';
import type { Ipv4Addresses } from './ipv4';
import {
  IP_PROTOCOL,
  ipv4HeaderBytes,
  isIpv4Fragment,
  readIpv4Protocol,
  readIpv4TotalBytes,
} from './ipv4';
import {
  readUint32,
  readUint8,
  requireRange,
  requireSpace,
  writeUint32,
  writeUint8,
} from './octets';
import { UDP_HEADER_BYTES, buildUdpFrame, readUdpDestinationPort, udpDatagramBytes } from './udp';
import { payloadOffset, readPayloadEtherType } from './vlan';

/** Length of the stamped part of a probe. */
export const PROBE_BYTES = 20;
/** "VMQP": what a datagram to the probe port must begin with to be a probe. */
export const PROBE_MAGIC = 0x564d5150;
/** UDP port of source and destination, from the range that is never assigned (RFC 6335). */
export const PROBE_UDP_PORT = 50_751;
/** Returned by {@link findProbe} for a frame that is none. */
export const NO_PROBE = -1;

const FLOW_ID_OFFSET = 4;
const SEQUENCE_OFFSET = 8;
const SEND_TIME_OFFSET = 12;
const UINT32_MAX = 0xffffffff;

/** One probe. */
export interface Probe {
  /** Which flow, unsigned 32 bit. */
  readonly flowId: number;
  /** Counts the probes of the flow, unsigned 32 bit; wraps to 0. */
  readonly sequence: number;
  /** The sender's monotonic clock in nanoseconds. */
  readonly sendTimeNs: number;
}

/** Doubles pass through here to be seen as octets without an allocation. One per thread. */
const scratch = new DataView(new ArrayBuffer(8));

/** Whether a whole probe begins at `offset`. */
export function isProbe(bytes: Uint8Array, offset: number, lengthBytes: number): boolean {
  return lengthBytes >= PROBE_BYTES && readUint32(bytes, offset) === PROBE_MAGIC;
}

/** The flow that the probe belongs to. */
export function readProbeFlowId(bytes: Uint8Array, offset: number): number {
  return readUint32(bytes, offset + FLOW_ID_OFFSET);
}

/** The probe's place in its flow. */
export function readProbeSequence(bytes: Uint8Array, offset: number): number {
  return readUint32(bytes, offset + SEQUENCE_OFFSET);
}

/** The sender's clock in nanoseconds. A forged probe may hold NaN or an infinity. */
export function readProbeSendTimeNs(bytes: Uint8Array, offset: number): number {
  for (let index = 0; index < 8; index += 1) {
    scratch.setUint8(index, readUint8(bytes, offset + SEND_TIME_OFFSET + index));
  }
  return scratch.getFloat64(0);
}

/** Writes the payload alone and returns its length (20). */
export function writeProbe(bytes: Uint8Array, offset: number, probe: Probe): number {
  requireRange('probe flow id', probe.flowId, 0, UINT32_MAX);
  requireRange('probe sequence', probe.sequence, 0, UINT32_MAX);
  requireSpace(bytes, offset, PROBE_BYTES);
  writeUint32(bytes, offset, PROBE_MAGIC);
  writeUint32(bytes, offset + FLOW_ID_OFFSET, probe.flowId);
  writeUint32(bytes, offset + SEQUENCE_OFFSET, probe.sequence);
  scratch.setFloat64(0, probe.sendTimeNs);
  for (let index = 0; index < 8; index += 1) {
    writeUint8(bytes, offset + SEND_TIME_OFFSET + index, scratch.getUint8(index));
  }
  return PROBE_BYTES;
}

/**
 * Where the probe begins in a whole frame, tagged or not, or {@link NO_PROBE}. Checksums are not
 * looked at.
 */
export function findProbe(bytes: Uint8Array, offset: number, lengthBytes: number): number {
  if (!hasEthernetHeader(lengthBytes)) return NO_PROBE;
  if (readPayloadEtherType(bytes, offset, lengthBytes) !== ETHER_TYPE.ipv4) return NO_PROBE;
  const ipOffset = payloadOffset(bytes, offset, lengthBytes);
  const headerBytes = ipv4HeaderBytes(bytes, ipOffset, offset + lengthBytes - ipOffset);
  if (headerBytes === 0 || readIpv4Protocol(bytes, ipOffset) !== IP_PROTOCOL.udp) return NO_PROBE;
  if (isIpv4Fragment(bytes, ipOffset)) return NO_PROBE;
  const udpOffset = ipOffset + headerBytes;
  const ipPayloadBytes = readIpv4TotalBytes(bytes, ipOffset) - headerBytes;
  const datagramBytes = udpDatagramBytes(bytes, udpOffset, ipPayloadBytes);
  if (datagramBytes === 0 || readUdpDestinationPort(bytes, udpOffset) !== PROBE_UDP_PORT) {
    return NO_PROBE;
  }
  const probeOffset = udpOffset + UDP_HEADER_BYTES;
  return isProbe(bytes, probeOffset, datagramBytes - UDP_HEADER_BYTES) ? probeOffset : NO_PROBE;
}

/**
 * Writes a whole probe frame and returns its length.
 *
 * @throws WireError when it does not fit, or when a field is out of range.
 */
export function buildProbeFrame(
  bytes: Uint8Array,
  offset: number,
  ethernet: EthernetAddresses,
  ip: Ipv4Addresses,
  probe: Probe,
): number {
  const payload = new Uint8Array(PROBE_BYTES);
  writeProbe(payload, 0, probe);
  return buildUdpFrame(bytes, offset, ethernet, ip, {
    sourcePort: PROBE_UDP_PORT,
    destinationPort: PROBE_UDP_PORT,
    payload,
  });
}
