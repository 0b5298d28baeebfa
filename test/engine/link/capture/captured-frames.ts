/** Builders of capture files and a sink that keeps what it gets, for the tests of this folder. */
import { CaptureError } from '../../../../src/engine/link/capture/capture-error';
import type { CaptureParserOptions } from '../../../../src/engine/link/capture/capture-parser';
import { CaptureParser } from '../../../../src/engine/link/capture/capture-parser';
import type { PcapEncoding, RecordedFrame } from '../../../../src/engine/link/capture/write-pcap';
import { pcapFileHeader, pcapRecord } from '../../../../src/engine/link/capture/write-pcap';
import {
  enhancedPacketBlock,
  interfaceDescriptionBlock,
  sectionHeaderBlock,
} from '../../../../src/engine/link/capture/write-pcapng';

export interface CapturedFrame {
  timestampNs: number;
  bytes: number[];
  originalLength: number;
}

/** What came of a file: the frames before its end or before the error. */
export interface ParseOutcome {
  frames: CapturedFrame[];
  parser: CaptureParser;
  error: unknown;
}

/** Parses `file` in chunks of `chunkBytes`. Each chunk is wiped afterwards, as a reused buffer is. */
export function parse(
  file: Uint8Array,
  chunkBytes = Math.max(1, file.length),
  options: CaptureParserOptions = {},
): ParseOutcome {
  const frames: CapturedFrame[] = [];
  const parser = new CaptureParser((timestampNs, bytes, offset, capturedLength, originalLength) => {
    const copy = [...bytes.subarray(offset, offset + capturedLength)];
    frames.push({ timestampNs, bytes: copy, originalLength });
  }, options);
  try {
    for (let at = 0; at < file.length; at += chunkBytes) {
      const chunk = file.slice(at, at + chunkBytes);
      parser.push(chunk);
      chunk.fill(0xdd);
    }
    parser.end();
    return { frames, parser, error: undefined };
  } catch (error) {
    return { frames, parser, error };
  }
}

/** The data of the capture error that parsing ended with; fails for any other outcome. */
export function faultOf(file: Uint8Array): CaptureError['data'] {
  const { error } = parse(file);
  if (error instanceof CaptureError) return error.data;
  throw new Error('expected a CaptureError', { cause: error });
}

export function join(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** A copy with some octets replaced. */
export function changed(file: Uint8Array, at: number, ...octets: number[]): Uint8Array {
  const copy = Uint8Array.from(file);
  copy.set(octets, at);
  return copy;
}

export function aPcap(frames: RecordedFrame[], encoding: PcapEncoding = {}): Uint8Array {
  const records = frames.map((frame) => pcapRecord(frame, encoding));
  return join(pcapFileHeader(encoding), ...records);
}

/** One section with one interface of nanoseconds. */
export function aPcapng(frames: RecordedFrame[], isLittleEndian = true): Uint8Array {
  return join(
    sectionHeaderBlock(isLittleEndian),
    interfaceDescriptionBlock({}, isLittleEndian),
    ...frames.map(({ timestampNs, ...frame }) =>
      enhancedPacketBlock({ ...frame, ticks: timestampNs }, isLittleEndian),
    ),
  );
}

/** What the sink should have got for these frames. */
export function asCaptured(frames: RecordedFrame[]): CapturedFrame[] {
  return frames.map(({ timestampNs, bytes, originalLength }) => ({
    timestampNs,
    bytes: [...bytes],
    originalLength: originalLength ?? bytes.length,
  }));
}
