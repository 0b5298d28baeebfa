/**
 * Cuts a capture file, given in chunks of any size, into frames. Runs on a link thread; it does no
 * I/O, and takes memory only for a unit (record, block) that is spread over two chunks.
 *
 *     const parser = new CaptureParser((timestampNs, bytes, offset, length) => { … });
 *     for await (const chunk of file) parser.push(chunk);
 *     parser.end();
 *
 * Frames are delivered from the chunk itself where they lie whole in it: they must be used or
 * copied before the sink returns. Everything before a damaged place is delivered; then `push` or
 * `end` throws a `CaptureError`, and the parser takes no more.
 */
import { readUint32 } from '../../wire/octets';
import { hex32 } from './byte-order';
import type { TimestampOrigin } from './capture-clock';
import { CaptureClock } from './capture-clock';
import { CaptureError } from './capture-error';
import type { CaptureFrameSink, CaptureUnitReader } from './capture-unit';
import { PcapReader, isPcapMagic } from './pcap-reader';
import { BLOCK_TYPE } from './pcapng-format';
import { PcapngReader } from './pcapng-reader';

/** The formats that are told apart by the first four bytes of a file. */
export type CaptureFormat = 'pcap' | 'pcapng';

/** The optional parts of a {@link CaptureParser}. */
export interface CaptureParserOptions {
  /** What frame times are counted from; default `'epoch'`, exact to about 256 ns only. */
  readonly timestampOrigin?: TimestampOrigin;
}

const MAGIC_BYTES = 4;
const FIRST_CARRY_BYTES = 4096;
const GZIP_MAGIC = 0x1f8b;

/** An incremental parser of one capture file. */
export class CaptureParser {
  private readonly clock: CaptureClock;
  private readonly sink: CaptureFrameSink;
  private reader: CaptureUnitReader | undefined;
  private detected: CaptureFormat | undefined;
  /** The start of a unit whose rest has not come yet. */
  private carry = new Uint8Array(FIRST_CARRY_BYTES);
  private carryBytes = 0;
  private parsedBytes = 0;
  private frames = 0;
  private state: 'open' | 'ended' | 'failed' = 'open';

  constructor(sink: CaptureFrameSink, options: CaptureParserOptions = {}) {
    this.clock = new CaptureClock(options.timestampOrigin ?? 'epoch');
    this.sink = (timestampNs, bytes, offset, capturedLength, originalLength) => {
      this.frames += 1;
      sink(timestampNs, bytes, offset, capturedLength, originalLength);
    };
  }

  /** The file's format; `undefined` until its first four bytes have come. */
  get format(): CaptureFormat | undefined {
    return this.detected;
  }

  /** Frames that went to the sink. */
  get frameCount(): number {
    return this.frames;
  }

  /** Where in the file the next unit begins. */
  get byteOffset(): number {
    return this.parsedBytes;
  }

  /**
   * Takes the next part of the file and delivers every frame that is whole by now.
   *
   * @throws CaptureError at the first departure from the format, and whatever the sink throws.
   */
  push(chunk: Uint8Array): void {
    this.begin();
    this.consume(chunk);
    this.state = 'open';
  }

  /**
   * Says that the file is over.
   *
   * @throws CaptureError `truncated` when that is in the middle of a unit, or before the first.
   */
  end(): void {
    this.begin();
    if (this.carryBytes > 0 || this.parsedBytes === 0) throw this.truncated();
    this.state = 'ended';
  }

  /** A step that throws leaves `failed` behind: where the next unit begins is not known then. */
  private begin(): void {
    if (this.state !== 'open') throw new Error(`capture parser: used after it has ${this.state}`);
    this.state = 'failed';
  }

  private consume(chunk: Uint8Array): void {
    let position = 0;
    while (position < chunk.length) {
      const availableBytes = chunk.length - position;
      if (this.carryBytes > 0) {
        position += this.fillCarry(chunk, position);
      } else {
        const unitBytes = this.unitBytes(chunk, position, availableBytes);
        if (unitBytes > availableBytes) {
          this.appendToCarry(chunk, position, availableBytes);
          return;
        }
        this.readUnit(chunk, position, unitBytes);
        position += unitBytes;
      }
    }
  }

  /** Adds what the carried unit lacks, as far as its length is known, and reads it once whole. */
  private fillCarry(chunk: Uint8Array, position: number): number {
    const missingBytes = this.unitBytes(this.carry, 0, this.carryBytes) - this.carryBytes;
    const takenBytes = Math.min(missingBytes, chunk.length - position);
    this.appendToCarry(chunk, position, takenBytes);
    const unitBytes = this.unitBytes(this.carry, 0, this.carryBytes);
    if (unitBytes === this.carryBytes) {
      this.readUnit(this.carry, 0, unitBytes);
      this.carryBytes = 0;
    }
    return takenBytes;
  }

  /** Grows with the bytes that have come, never by a length that a file merely claims. */
  private appendToCarry(chunk: Uint8Array, position: number, lengthBytes: number): void {
    const neededBytes = this.carryBytes + lengthBytes;
    if (neededBytes > this.carry.length) {
      const grown = new Uint8Array(Math.max(neededBytes, 2 * this.carry.length));
      grown.set(this.carry.subarray(0, this.carryBytes));
      this.carry = grown;
    }
    this.carry.set(chunk.subarray(position, position + lengthBytes), this.carryBytes);
    this.carryBytes = neededBytes;
  }

  private unitBytes(bytes: Uint8Array, offset: number, availableBytes: number): number {
    if (this.reader === undefined) {
      if (availableBytes < MAGIC_BYTES) return MAGIC_BYTES;
      this.reader = this.readerFor(readUint32(bytes, offset));
    }
    return this.reader.unitBytes(bytes, offset, availableBytes, this.parsedBytes);
  }

  private readUnit(bytes: Uint8Array, offset: number, unitBytes: number): void {
    this.reader?.read(bytes, offset, unitBytes, this.parsedBytes);
    this.parsedBytes += unitBytes;
  }

  private readerFor(magic: number): CaptureUnitReader {
    if (magic === BLOCK_TYPE.sectionHeader) {
      this.detected = 'pcapng';
      return new PcapngReader(this.sink, this.clock);
    }
    if (isPcapMagic(magic)) {
      this.detected = 'pcap';
      return new PcapReader(magic, this.sink, this.clock);
    }
    const isGzip = magic >>> 16 === GZIP_MAGIC;
    throw CaptureError.at({
      fault: 'unsupported',
      byteOffset: 0,
      field: 'magic number',
      expected: 'a pcap or pcapng file',
      found: isGzip ? 'a gzip file, to be unpacked first' : hex32(magic),
    });
  }

  private truncated(): CaptureError {
    const unitBytes = this.unitBytes(this.carry, 0, this.carryBytes);
    return CaptureError.at({
      fault: 'truncated',
      byteOffset: this.parsedBytes,
      field: this.reader?.nextUnit ?? 'magic number',
      expected: `${unitBytes} bytes`,
      found: `${this.carryBytes} to the end of the file`,
    });
  }
}
