/** Writes pcap files, whole or record by record: for tests, samples and captures of a link. */
import {
  PCAP_FILE_HEADER_BYTES,
  PCAP_HEADER_OFFSET,
  PCAP_MAGIC_MICROSECONDS,
  PCAP_MAGIC_NANOSECONDS,
  PCAP_RECORD_HEADER_BYTES,
  PCAP_RECORD_OFFSET,
  PCAP_VERSION,
} from './pcap-format';
import { LINK_TYPE_ETHERNET, MAX_CAPTURED_BYTES } from './frame-limits';
import { NANOSECONDS_PER_MICROSECOND, NANOSECONDS_PER_SECOND } from '../../../shared/units';

/** A frame to be written. */
export interface RecordedFrame {
  /** Since 1970, or since whatever the file counts from. */
  readonly timestampNs: number;
  readonly bytes: Uint8Array;
  /** Length on the wire, if only a part was captured; default all of `bytes`. */
  readonly originalLength?: number;
}

/** How a pcap file is written; the same for its header and all its records. */
export interface PcapEncoding {
  /** Default true. */
  readonly isLittleEndian?: boolean;
  /** Unit of the fraction; default `'nanoseconds'`. */
  readonly resolution?: 'microseconds' | 'nanoseconds';
  /** Default 1, Ethernet. */
  readonly linkType?: number;
}

/** The header that a pcap file begins with. */
export function pcapFileHeader(encoding: PcapEncoding = {}): Uint8Array {
  const bytes = new Uint8Array(PCAP_FILE_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  const isLittleEndian = encoding.isLittleEndian ?? true;
  const magic =
    encoding.resolution === 'microseconds' ? PCAP_MAGIC_MICROSECONDS : PCAP_MAGIC_NANOSECONDS;
  view.setUint32(PCAP_HEADER_OFFSET.magic, magic, isLittleEndian);
  view.setUint16(PCAP_HEADER_OFFSET.major, PCAP_VERSION.major, isLittleEndian);
  view.setUint16(PCAP_HEADER_OFFSET.minor, PCAP_VERSION.minor, isLittleEndian);
  view.setUint32(PCAP_HEADER_OFFSET.snapLength, MAX_CAPTURED_BYTES, isLittleEndian);
  view.setUint32(PCAP_HEADER_OFFSET.link, encoding.linkType ?? LINK_TYPE_ETHERNET, isLittleEndian);
  return bytes;
}

/** One record. Times finer than the file's resolution are cut off. */
export function pcapRecord(frame: RecordedFrame, encoding: PcapEncoding = {}): Uint8Array {
  const bytes = new Uint8Array(PCAP_RECORD_HEADER_BYTES + frame.bytes.length);
  const view = new DataView(bytes.buffer);
  const isLittleEndian = encoding.isLittleEndian ?? true;
  const seconds = Math.floor(frame.timestampNs / NANOSECONDS_PER_SECOND);
  const nanoseconds = frame.timestampNs - seconds * NANOSECONDS_PER_SECOND;
  const isMicroseconds = encoding.resolution === 'microseconds';
  const fraction = nanoseconds / (isMicroseconds ? NANOSECONDS_PER_MICROSECOND : 1);
  const originalLength = frame.originalLength ?? frame.bytes.length;
  view.setUint32(PCAP_RECORD_OFFSET.seconds, seconds, isLittleEndian);
  view.setUint32(PCAP_RECORD_OFFSET.fraction, fraction, isLittleEndian);
  view.setUint32(PCAP_RECORD_OFFSET.capturedLength, frame.bytes.length, isLittleEndian);
  view.setUint32(PCAP_RECORD_OFFSET.originalLength, originalLength, isLittleEndian);
  bytes.set(frame.bytes, PCAP_RECORD_HEADER_BYTES);
  return bytes;
}
