/**
 * Big-endian reads and writes on frames, the only place of `wire` that touches an array index.
 *
 * Any thread; no allocation. A read or write beyond the array is refused, never silently zero. That
 * is the last net: a frame may lie inside a larger buffer, so the views compare a header with the
 * *frame's* end before they read it.
 */
import { VmqError } from '../../shared/vmq-error';

/** What can go wrong when frames are read or built. */
export type WireErrorCode = 'wire-out-of-bounds' | 'wire-field-range';

/** A frame could not be read or built as asked; nothing beyond the array was touched. */
export class WireError extends VmqError<WireErrorCode> {
  override readonly name: string = 'WireError';
}

/** The octet at `offset`. */
export function readUint8(bytes: Uint8Array, offset: number): number {
  const octet = bytes[offset];
  if (octet === undefined) throw outOfBounds(bytes, offset, 1);
  return octet;
}

/** The 16-bit number at `offset`, network order. */
export function readUint16(bytes: Uint8Array, offset: number): number {
  const high = bytes[offset];
  const low = bytes[offset + 1];
  if (high === undefined || low === undefined) throw outOfBounds(bytes, offset, 2);
  return (high << 8) | low;
}

/** The unsigned 32-bit number at `offset`, network order. */
export function readUint32(bytes: Uint8Array, offset: number): number {
  return ((readUint16(bytes, offset) << 16) | readUint16(bytes, offset + 2)) >>> 0;
}

/** Writes the low 8 bits of `value` at `offset`. */
export function writeUint8(bytes: Uint8Array, offset: number, value: number): void {
  requireSpace(bytes, offset, 1);
  bytes[offset] = value;
}

/** Writes the low 16 bits of `value` at `offset`, network order. */
export function writeUint16(bytes: Uint8Array, offset: number, value: number): void {
  requireSpace(bytes, offset, 2);
  bytes[offset] = value >>> 8;
  bytes[offset + 1] = value;
}

/** Writes the low 32 bits of `value` at `offset`, network order. */
export function writeUint32(bytes: Uint8Array, offset: number, value: number): void {
  writeUint16(bytes, offset, value >>> 16);
  writeUint16(bytes, offset + 2, value);
}

/** Copies all of `source` to `offset`. */
export function writeOctets(bytes: Uint8Array, offset: number, source: Uint8Array): void {
  requireSpace(bytes, offset, source.length);
  bytes.set(source, offset);
}

/**
 * Refuses a range that is not wholly inside `bytes`.
 *
 * @throws WireError `wire-out-of-bounds`
 */
export function requireSpace(bytes: Uint8Array, offset: number, lengthBytes: number): void {
  if (offset < 0 || offset + lengthBytes > bytes.length) {
    throw outOfBounds(bytes, offset, lengthBytes);
  }
}

/**
 * Refuses a field that does not fit its place in the frame, instead of cutting its high bits.
 *
 * @throws WireError `wire-field-range`
 */
export function requireRange(field: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new WireError(
    'wire-field-range',
    `${field}: expected a whole number from ${min} to ${max}, got ${value}; frame not built`,
    { data: { field, min, max, found: value } },
  );
}

function outOfBounds(bytes: Uint8Array, offset: number, lengthBytes: number): WireError {
  return new WireError(
    'wire-out-of-bounds',
    `frame access: expected ${lengthBytes} bytes at offset ${offset}, the array has ${bytes.length}`,
    { data: { offset, lengthBytes, arrayLength: bytes.length } },
  );
}
