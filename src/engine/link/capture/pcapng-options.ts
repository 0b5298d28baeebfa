/**
 * The options at the end of a pcapng block: a row of (code, length, value padded to 4 bytes), ended
 * by code 0 or by the block. Every length is checked against the block before it is used.
 */
import { readUint8 } from '../../wire/octets';
import { readUint16In, readUint32In } from './byte-order';
import { TickScale, signed64 } from './capture-clock';
import { CaptureError } from './capture-error';
import {
  DEFAULT_TICKS_PER_SECOND,
  OPTION_CODE,
  OPTION_HEADER_BYTES,
  paddedBytes,
} from './pcapng-format';

/** A part of a block in memory, and where the block lies in the file. */
export interface OptionRange {
  readonly bytes: Uint8Array;
  /** Where the first option begins in `bytes`. */
  readonly start: number;
  /** Where the block's trailer begins in `bytes`. */
  readonly end: number;
  readonly isLittleEndian: boolean;
  /** Add to an index of `bytes` to have the offset in the file. */
  readonly fileShift: number;
}

/** Finest resolutions whose ticks per second a double holds with room for the division. */
const MAX_DECIMAL_EXPONENT = 15;
const MAX_BINARY_EXPONENT = 50;

/**
 * Walks the options, so that a wrong length is noticed, and returns where the value of the last
 * option with `code` begins, or -1.
 *
 * @throws CaptureError for a length that does not fit, or that is not `valueBytes` for `code`.
 */
export function findOption(range: OptionRange, code?: number, valueBytes?: number): number {
  const { bytes, end, isLittleEndian, fileShift } = range;
  let found = -1;
  let position = range.start;
  while (end - position >= OPTION_HEADER_BYTES) {
    const optionCode = readUint16In(bytes, position, isLittleEndian);
    const optionBytes = readUint16In(bytes, position + 2, isLittleEndian);
    if (optionCode === OPTION_CODE.endOfOptions) break;
    const value = position + OPTION_HEADER_BYTES;
    const next = value + paddedBytes(optionBytes);
    if (next > end) {
      throw wrongLength(optionCode, position + fileShift, `at most ${end - value}`, optionBytes);
    }
    if (optionCode === code) {
      if (optionBytes !== valueBytes) {
        throw wrongLength(optionCode, position + fileShift, `${valueBytes ?? 0}`, optionBytes);
      }
      found = value;
    }
    position = next;
  }
  return found;
}

/** How an interface counts time, from its options `if_tsresol` and `if_tsoffset`. */
export function readTickScale(range: OptionRange): TickScale {
  const resolutionAt = findOption(range, OPTION_CODE.timestampResolution, 1);
  const offsetAt = findOption(range, OPTION_CODE.timestampOffset, 8);
  const ticksPerSecond =
    resolutionAt < 0 ? DEFAULT_TICKS_PER_SECOND : readTicksPerSecond(range, resolutionAt);
  return new TickScale(ticksPerSecond, offsetAt < 0 ? 0 : readOffsetSeconds(range, offsetAt));
}

/** The highest bit tells powers of two from powers of ten; the rest is the negative exponent. */
function readTicksPerSecond(range: OptionRange, at: number): number {
  const resolution = readUint8(range.bytes, at);
  const isBinary = (resolution & 0x80) !== 0;
  const exponent = resolution & 0x7f;
  const maxExponent = isBinary ? MAX_BINARY_EXPONENT : MAX_DECIMAL_EXPONENT;
  if (exponent <= maxExponent) return isBinary ? 2 ** exponent : 10 ** exponent;
  throw CaptureError.at({
    fault: 'unsupported',
    byteOffset: at + range.fileShift,
    field: 'timestamp resolution (if_tsresol)',
    expected: `at finest ${isBinary ? '2' : '10'}^-${maxExponent} s`,
    found: `${isBinary ? '2' : '10'}^-${exponent} s`,
  });
}

function readOffsetSeconds(range: OptionRange, at: number): number {
  const { bytes, isLittleEndian } = range;
  const first = readUint32In(bytes, at, isLittleEndian);
  const second = readUint32In(bytes, at + 4, isLittleEndian);
  const seconds = isLittleEndian ? signed64(second, first) : signed64(first, second);
  if (Number.isSafeInteger(seconds)) return seconds;
  throw CaptureError.at({
    fault: 'unsupported',
    byteOffset: at + range.fileShift,
    field: 'timestamp offset (if_tsoffset)',
    expected: 'at most 2^53 s either way',
    found: `${seconds} s`,
  });
}

function wrongLength(
  code: number,
  byteOffset: number,
  expected: string,
  found: number,
): CaptureError {
  return CaptureError.at({
    fault: 'malformed',
    byteOffset,
    field: `length of option ${code}`,
    expected: `${expected} bytes`,
    found: `${found}`,
  });
}
