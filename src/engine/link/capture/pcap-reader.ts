/**
 * Reads the units of a pcap file: its header, then one record per frame. Both byte orders,
 * microseconds and nanoseconds. A check sequence that the header announces is cut off, since frames
 * have none anywhere in the engine. A fraction of a second or more is added up as it stands.
 */
import { NANOSECONDS_PER_MICROSECOND } from '../../../shared/units';
import { hex32, readUint16In, readUint32In } from './byte-order';
import type { CaptureClock } from './capture-clock';
import { CaptureError } from './capture-error';
import type { CaptureFrameSink, CaptureUnitReader } from './capture-unit';
import { requireCapturedLength, requireEthernet, requireOriginalLength } from './frame-limits';
import {
  PCAP_FILE_HEADER_BYTES,
  PCAP_HEADER_OFFSET,
  PCAP_LINK_HAS_FCS_LENGTH,
  PCAP_MAGIC_MICROSECONDS,
  PCAP_MAGIC_NANOSECONDS,
  PCAP_RECORD_HEADER_BYTES,
  PCAP_RECORD_OFFSET,
  PCAP_VERSION,
} from './pcap-format';

/** Whether a file that begins with this number, read big-endian, is a pcap file. */
export function isPcapMagic(magic: number): boolean {
  return PCAP_MAGICS.has(magic);
}

const MICROSECONDS = { nsPerFraction: NANOSECONDS_PER_MICROSECOND };
const NANOSECONDS = { nsPerFraction: 1 };

/** What each magic number says, by its value when read big-endian. */
const PCAP_MAGICS = new Map([
  [PCAP_MAGIC_MICROSECONDS, { ...MICROSECONDS, isLittleEndian: false }],
  [0xd4c3b2a1, { ...MICROSECONDS, isLittleEndian: true }],
  [PCAP_MAGIC_NANOSECONDS, { ...NANOSECONDS, isLittleEndian: false }],
  [0x4d3cb2a1, { ...NANOSECONDS, isLittleEndian: true }],
]);

/** The unit reader for a file whose magic number {@link isPcapMagic} has accepted. */
export class PcapReader implements CaptureUnitReader {
  private readonly sink: CaptureFrameSink;
  private readonly clock: CaptureClock;
  private readonly isLittleEndian: boolean;
  private readonly nsPerFraction: number;
  private isHeaderRead = false;
  private checkSequenceBytes = 0;

  constructor(magic: number, sink: CaptureFrameSink, clock: CaptureClock) {
    const encoding = PCAP_MAGICS.get(magic);
    if (encoding === undefined) throw new RangeError(`not a pcap magic number: ${hex32(magic)}`);
    this.sink = sink;
    this.clock = clock;
    this.isLittleEndian = encoding.isLittleEndian;
    this.nsPerFraction = encoding.nsPerFraction;
  }

  get nextUnit(): string {
    return this.isHeaderRead ? 'pcap record' : 'pcap file header';
  }

  unitBytes(bytes: Uint8Array, offset: number, availableBytes: number, fileOffset: number): number {
    if (!this.isHeaderRead) return PCAP_FILE_HEADER_BYTES;
    if (availableBytes < PCAP_RECORD_HEADER_BYTES) return PCAP_RECORD_HEADER_BYTES;
    const at = PCAP_RECORD_OFFSET.capturedLength;
    const capturedLength = readUint32In(bytes, offset + at, this.isLittleEndian);
    requireCapturedLength(capturedLength, fileOffset + at);
    return PCAP_RECORD_HEADER_BYTES + capturedLength;
  }

  read(bytes: Uint8Array, offset: number, unitBytes: number, fileOffset: number): void {
    if (this.isHeaderRead) {
      this.readRecord(bytes, offset, unitBytes - PCAP_RECORD_HEADER_BYTES, fileOffset);
    } else {
      this.readHeader(bytes, offset, fileOffset);
      this.isHeaderRead = true;
    }
  }

  private readHeader(bytes: Uint8Array, offset: number, fileOffset: number): void {
    const majorAt = PCAP_HEADER_OFFSET.major;
    const major = readUint16In(bytes, offset + majorAt, this.isLittleEndian);
    const minor = readUint16In(bytes, offset + PCAP_HEADER_OFFSET.minor, this.isLittleEndian);
    if (major !== PCAP_VERSION.major || minor !== PCAP_VERSION.minor) {
      throw CaptureError.at({
        fault: 'unsupported',
        byteOffset: fileOffset + majorAt,
        field: 'pcap version',
        expected: '2.4',
        found: `${major}.${minor}`,
      });
    }
    const linkAt = PCAP_HEADER_OFFSET.link;
    const link = readUint32In(bytes, offset + linkAt, this.isLittleEndian);
    const linkType = link & 0xffff;
    requireEthernet(linkType, fileOffset + linkAt);
    // The length counts 16-bit words.
    this.checkSequenceBytes = (link & PCAP_LINK_HAS_FCS_LENGTH) === 0 ? 0 : (link >>> 28) * 2;
  }

  private readRecord(
    bytes: Uint8Array,
    offset: number,
    capturedLength: number,
    fileOffset: number,
  ): void {
    const originalAt = PCAP_RECORD_OFFSET.originalLength;
    const originalLength = readUint32In(bytes, offset + originalAt, this.isLittleEndian);
    requireOriginalLength(originalLength, capturedLength, fileOffset + originalAt);
    const wireLength = Math.max(1, originalLength - this.checkSequenceBytes);
    const seconds = readUint32In(bytes, offset + PCAP_RECORD_OFFSET.seconds, this.isLittleEndian);
    const fraction = readUint32In(bytes, offset + PCAP_RECORD_OFFSET.fraction, this.isLittleEndian);
    this.sink(
      this.clock.at(seconds, fraction * this.nsPerFraction),
      bytes,
      offset + PCAP_RECORD_HEADER_BYTES,
      Math.min(capturedLength, wireLength),
      wireLength,
    );
  }
}
