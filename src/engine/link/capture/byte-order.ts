/** Numbers of capture files, whose writers chose the byte order. No allocation. */
import { readUint16, readUint32 } from '../../wire/octets';

/** The unsigned 16-bit number at `offset`. */
export function readUint16In(bytes: Uint8Array, offset: number, isLittleEndian: boolean): number {
  const value = readUint16(bytes, offset);
  return isLittleEndian ? ((value & 0xff) << 8) | (value >>> 8) : value;
}

/** The unsigned 32-bit number at `offset`. */
export function readUint32In(bytes: Uint8Array, offset: number, isLittleEndian: boolean): number {
  const value = readUint32(bytes, offset);
  return isLittleEndian ? swapUint32(value) : value;
}

function swapUint32(value: number): number {
  const swapped =
    (value << 24) | ((value << 8) & 0xff0000) | ((value >>> 8) & 0xff00) | (value >>> 24);
  return swapped >>> 0;
}

/** A 32-bit number as it is written in messages. */
export function hex32(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
