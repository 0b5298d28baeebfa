/**
 * The stamped payload of probe flows, from which silence, loss, duplication and reordering during a
 * migration are measured. It travels in UDP datagrams: to the echo port of a guest, and back to
 * {@link PROBE_UDP_PORT}. The sender writes the first part; the guest that answers writes its
 * {@link ProbeAccount} of the flow into the second part, which is zero until then.
 *
 * ```
 *  0       4         8          12                     20
 *  +-------+---------+----------+----------------------+
 *  | magic | flow id | sequence | send time (f64, ns)  |   network order
 *  +-------+---------+----------+----------------------+
 *  20        24               32                    40                    48
 *  +---------+----------------+---------------------+---------------------+
 *  | answers | since (f64 ns) | received (f64, ns)  | longest gap (f64)   |
 *  +---------+----------------+---------------------+---------------------+
 * ```
 *
 * Times are of the monotonic clock that all processes of a machine share. As a double such a time is
 * exact to the nanosecond for 104 days; time since 1970 would only be exact to 256 ns. The kernel's
 * `probe.ts` is the guest's side of it.
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
export const PROBE_BYTES = 48;
/** "VMQP": what a datagram to the probe port must begin with to be a probe. */
export const PROBE_MAGIC = 0x564d5150;
/** UDP port of source and destination, from the range that is never assigned (RFC 6335). */
export const PROBE_UDP_PORT = 50_751;
/**
 * Sequence of a frame that only asks the guest for its account of the flow: it is answered and not
 * counted. Probes are numbered below it.
 */
export const ACCOUNT_SEQUENCE = 0xffffffff;
/** Returned by {@link findProbe} for a frame that is none. */
export const NO_PROBE = -1;

const FLOW_ID_OFFSET = 4;
const SEQUENCE_OFFSET = 8;
const SEND_TIME_OFFSET = 12;
const ANSWERS_OFFSET = 20;
const SINCE_OFFSET = 24;
const RECEIVED_OFFSET = 32;
const LONGEST_GAP_OFFSET = 40;
const UINT32_MAX = 0xffffffff;

/** One probe. */
export interface Probe {
  /** Which flow, unsigned 32 bit. */
  readonly flowId: number;
  /** Counts the probes of the flow from 0; or {@link ACCOUNT_SEQUENCE}. */
  readonly sequence: number;
  /** The sender's monotonic clock in nanoseconds. */
  readonly sendTimeNs: number;
}

/**
 * What a guest says about a flow in an answer. It is what somebody else wrote: times may be NaN,
 * counts may be wrong. Filled in place, so that reading many allocates nothing.
 */
export interface ProbeAccount {
  /** Probes of the flow that the guest has answered, this one included; 0: it keeps no account. */
  answers: number;
  /** When it took the first of them: tells apart the lives of a guest that lost its memory. */
  sinceNs: number;
  /** When it took the last of them. */
  receivedNs: number;
  /** Longest time between two of them, in nanoseconds. */
  longestGapNs: number;
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
  return readFloat64(bytes, offset + SEND_TIME_OFFSET);
}

/** Reads the guest's part of an answer into `account`. */
export function readProbeAccount(bytes: Uint8Array, offset: number, account: ProbeAccount): void {
  account.answers = readUint32(bytes, offset + ANSWERS_OFFSET);
  account.sinceNs = readFloat64(bytes, offset + SINCE_OFFSET);
  account.receivedNs = readFloat64(bytes, offset + RECEIVED_OFFSET);
  account.longestGapNs = readFloat64(bytes, offset + LONGEST_GAP_OFFSET);
}

/** Writes the payload alone, without an account, and returns its length (48). */
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
  bytes.fill(0, offset + ANSWERS_OFFSET, offset + PROBE_BYTES);
  return PROBE_BYTES;
}

function readFloat64(bytes: Uint8Array, offset: number): number {
  for (let index = 0; index < 8; index += 1) {
    scratch.setUint8(index, readUint8(bytes, offset + index));
  }
  return scratch.getFloat64(0);
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
