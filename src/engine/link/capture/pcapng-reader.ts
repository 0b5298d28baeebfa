/**
 * Reads the blocks of a pcapng file: sections in either byte order, each with Ethernet interfaces
 * that have clocks of their own; there is no limit to either. Blocks that are not known are skipped.
 *
 * A simple packet block carries no time; its frame gets the time of the frame before it.
 */
import { hex32, readUint16In, readUint32In } from './byte-order';
import type { CaptureClock, TickScale } from './capture-clock';
import { CaptureError } from './capture-error';
import type { CaptureFrameSink, CaptureUnitReader } from './capture-unit';
import { requireCapturedLength, requireEthernet, requireOriginalLength } from './frame-limits';
import {
  BLOCK_HEADER_BYTES,
  BLOCK_TRAILER_BYTES,
  BLOCK_TYPE,
  BYTE_ORDER_MAGIC,
  BYTE_ORDER_OFFSET,
  FIXED_BYTES,
  MAX_BLOCK_BYTES,
  MAX_INTERFACES,
  OPTION_HEADER_BYTES,
  PCAPNG_MAJOR_VERSION,
  paddedBytes,
} from './pcapng-format';
import { findOption, readTickScale } from './pcapng-options';

/** What is kept of an interface description. */
interface CaptureInterface {
  readonly scale: TickScale;
  /** Most bytes that were captured of a frame; 0 for no limit. */
  readonly snapLength: number;
}

/** Shortest whole block of each known type. */
const MIN_BLOCK_BYTES = new Map<number, number>(
  Object.entries(BLOCK_TYPE).map(([name, type]) => [
    type,
    FIXED_BYTES[name as keyof typeof FIXED_BYTES] + BLOCK_TRAILER_BYTES,
  ]),
);

/** The unit reader for a file that begins with a section header block. */
export class PcapngReader implements CaptureUnitReader {
  readonly nextUnit = 'pcapng block';

  private readonly sink: CaptureFrameSink;
  private readonly clock: CaptureClock;
  private readonly interfaces: CaptureInterface[] = [];
  private hasSection = false;
  private isLittleEndian = false;

  constructor(sink: CaptureFrameSink, clock: CaptureClock) {
    this.sink = sink;
    this.clock = clock;
  }

  unitBytes(bytes: Uint8Array, offset: number, availableBytes: number, fileOffset: number): number {
    if (availableBytes < BLOCK_HEADER_BYTES) return BLOCK_HEADER_BYTES;
    let isLittleEndian = this.isLittleEndian;
    // The type of a section header reads the same in both byte orders.
    const type = readUint32In(bytes, offset, isLittleEndian);
    if (type === BLOCK_TYPE.sectionHeader) {
      if (availableBytes < BYTE_ORDER_OFFSET + 4) return BYTE_ORDER_OFFSET + 4;
      isLittleEndian = readByteOrder(bytes, offset, fileOffset);
    } else if (!this.hasSection) {
      throw malformed(fileOffset, 'block type', 'a section header block first', hex32(type));
    }
    const totalBytes = readUint32In(bytes, offset + 4, isLittleEndian);
    requireBlockLength(type, totalBytes, fileOffset + 4);
    return totalBytes;
  }

  read(bytes: Uint8Array, offset: number, unitBytes: number, fileOffset: number): void {
    const type = readUint32In(bytes, offset, this.isLittleEndian);
    if (type === BLOCK_TYPE.sectionHeader) {
      this.isLittleEndian = readByteOrder(bytes, offset, fileOffset);
    }
    const end = offset + unitBytes - BLOCK_TRAILER_BYTES;
    const trailer = this.uint32(bytes, end);
    if (trailer !== unitBytes) {
      const at = fileOffset + unitBytes - BLOCK_TRAILER_BYTES;
      throw malformed(at, 'second block length', `${unitBytes} as at the start`, `${trailer}`);
    }
    this.readBlock(type, bytes, offset, end, fileOffset);
  }

  private readBlock(
    type: number,
    bytes: Uint8Array,
    offset: number,
    end: number,
    fileOffset: number,
  ): void {
    switch (type) {
      case BLOCK_TYPE.sectionHeader:
        this.readSectionHeader(bytes, offset, end, fileOffset);
        break;
      case BLOCK_TYPE.interfaceDescription:
        this.readInterfaceDescription(bytes, offset, end, fileOffset);
        break;
      case BLOCK_TYPE.enhancedPacket:
        this.readPacket(this.uint32(bytes, offset + 8), bytes, offset, end, fileOffset);
        break;
      case BLOCK_TYPE.packet:
        this.readPacket(this.uint16(bytes, offset + 8), bytes, offset, end, fileOffset);
        break;
      case BLOCK_TYPE.simplePacket:
        this.readSimplePacket(bytes, offset, end, fileOffset);
        break;
      case BLOCK_TYPE.interfaceStatistics:
        this.interfaceAt(this.uint32(bytes, offset + 8), fileOffset + 8);
        this.checkOptions(bytes, offset, offset + FIXED_BYTES.interfaceStatistics, end, fileOffset);
        break;
    }
  }

  private readSectionHeader(
    bytes: Uint8Array,
    offset: number,
    end: number,
    fileOffset: number,
  ): void {
    const major = this.uint16(bytes, offset + 12);
    if (major !== PCAPNG_MAJOR_VERSION) {
      throw CaptureError.at({
        fault: 'unsupported',
        byteOffset: fileOffset + 12,
        field: 'pcapng version',
        expected: `${PCAPNG_MAJOR_VERSION}`,
        found: `${major}`,
      });
    }
    this.checkOptions(bytes, offset, offset + FIXED_BYTES.sectionHeader, end, fileOffset);
    this.interfaces.length = 0;
    this.hasSection = true;
  }

  private readInterfaceDescription(
    bytes: Uint8Array,
    offset: number,
    end: number,
    fileOffset: number,
  ): void {
    requireEthernet(this.uint16(bytes, offset + 8), fileOffset + 8);
    if (this.interfaces.length >= MAX_INTERFACES) {
      const expected = `at most ${MAX_INTERFACES} in one section`;
      throw malformed(fileOffset, 'interface count', expected, 'another');
    }
    const scale = readTickScale({
      bytes,
      start: offset + FIXED_BYTES.interfaceDescription,
      end,
      isLittleEndian: this.isLittleEndian,
      fileShift: fileOffset - offset,
    });
    this.interfaces.push({ scale, snapLength: this.uint32(bytes, offset + 12) });
  }

  /** Enhanced packet blocks and the obsolete packet blocks differ in their interface field only. */
  private readPacket(
    interfaceId: number,
    bytes: Uint8Array,
    offset: number,
    end: number,
    fileOffset: number,
  ): void {
    const { scale } = this.interfaceAt(interfaceId, fileOffset + 8);
    const capturedLength = this.uint32(bytes, offset + 20);
    const originalLength = this.uint32(bytes, offset + 24);
    const frameStart = offset + FIXED_BYTES.enhancedPacket;
    requireCapturedLength(capturedLength, fileOffset + 20);
    requireInBlock(capturedLength, end - frameStart, fileOffset + 20);
    requireOriginalLength(originalLength, capturedLength, fileOffset + 24);
    this.checkOptions(bytes, offset, frameStart + paddedBytes(capturedLength), end, fileOffset);
    const ticksHigh = this.uint32(bytes, offset + 12);
    const timestampNs = scale.at(this.clock, ticksHigh, this.uint32(bytes, offset + 16));
    this.sink(timestampNs, bytes, frameStart, capturedLength, originalLength);
  }

  private readSimplePacket(
    bytes: Uint8Array,
    offset: number,
    end: number,
    fileOffset: number,
  ): void {
    const { snapLength } = this.interfaceAt(0, fileOffset);
    const originalLength = this.uint32(bytes, offset + 8);
    const frameStart = offset + FIXED_BYTES.simplePacket;
    const capturedLength = snapLength === 0 ? originalLength : Math.min(originalLength, snapLength);
    requireCapturedLength(capturedLength, fileOffset + 8);
    requireInBlock(capturedLength, end - frameStart, fileOffset + 8);
    this.sink(this.clock.latestNs, bytes, frameStart, capturedLength, originalLength);
  }

  private interfaceAt(id: number, byteOffset: number): CaptureInterface {
    const found = this.interfaces[id];
    if (found !== undefined) return found;
    const expected = `one of the ${this.interfaces.length} described in this section`;
    throw malformed(byteOffset, 'interface id', expected, `${id}`);
  }

  /** Most blocks have no options at all; then there is nothing to walk and nothing to allocate. */
  private checkOptions(
    bytes: Uint8Array,
    offset: number,
    start: number,
    end: number,
    fileOffset: number,
  ): void {
    if (end - start < OPTION_HEADER_BYTES) return;
    const fileShift = fileOffset - offset;
    findOption({ bytes, start, end, isLittleEndian: this.isLittleEndian, fileShift });
  }

  private uint16(bytes: Uint8Array, offset: number): number {
    return readUint16In(bytes, offset, this.isLittleEndian);
  }

  private uint32(bytes: Uint8Array, offset: number): number {
    return readUint32In(bytes, offset, this.isLittleEndian);
  }
}

/** Whether the section that begins at `offset` is little-endian. */
function readByteOrder(bytes: Uint8Array, offset: number, fileOffset: number): boolean {
  const at = offset + BYTE_ORDER_OFFSET;
  if (readUint32In(bytes, at, true) === BYTE_ORDER_MAGIC) return true;
  if (readUint32In(bytes, at, false) === BYTE_ORDER_MAGIC) return false;
  throw malformed(
    fileOffset + BYTE_ORDER_OFFSET,
    'byte-order magic',
    `${hex32(BYTE_ORDER_MAGIC)} in either byte order`,
    hex32(readUint32In(bytes, at, false)),
  );
}

function requireBlockLength(type: number, totalBytes: number, byteOffset: number): void {
  const minBytes = MIN_BLOCK_BYTES.get(type) ?? BLOCK_HEADER_BYTES + BLOCK_TRAILER_BYTES;
  if (totalBytes >= minBytes && totalBytes <= MAX_BLOCK_BYTES && totalBytes % 4 === 0) return;
  const expected = `a multiple of 4 from ${minBytes} to ${MAX_BLOCK_BYTES}`;
  throw malformed(byteOffset, `length of block type ${hex32(type)}`, expected, `${totalBytes}`);
}

function requireInBlock(capturedLength: number, roomBytes: number, byteOffset: number): void {
  if (capturedLength <= roomBytes) return;
  const expected = `at most the ${roomBytes} bytes left in its block`;
  throw malformed(byteOffset, 'captured length', expected, `${capturedLength}`);
}

function malformed(
  byteOffset: number,
  field: string,
  expected: string,
  found: string,
): CaptureError {
  return CaptureError.at({ fault: 'malformed', byteOffset, field, expected, found });
}
