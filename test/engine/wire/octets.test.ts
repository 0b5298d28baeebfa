import { describe, expect, it } from 'vitest';
import {
  WireError,
  readUint16,
  readUint32,
  readUint8,
  requireRange,
  writeOctets,
  writeUint16,
  writeUint32,
  writeUint8,
} from '../../../src/engine/wire/octets';

describe('octets', () => {
  it('reads and writes in network order without a sign', () => {
    const bytes = new Uint8Array(8);
    writeUint8(bytes, 0, 0x1ff);
    writeUint16(bytes, 1, 0xabcd);
    writeUint32(bytes, 3, 0xfedcba98);
    expect([...bytes]).toEqual([0xff, 0xab, 0xcd, 0xfe, 0xdc, 0xba, 0x98, 0]);
    expect(readUint8(bytes, 0)).toBe(0xff);
    expect(readUint16(bytes, 1)).toBe(0xabcd);
    expect(readUint32(bytes, 3)).toBe(0xfedcba98);
  });

  it('refuses to read beyond the array and says where', () => {
    const bytes = new Uint8Array(4);
    expect(() => readUint8(bytes, 4)).toThrow(WireError);
    expect(() => readUint16(bytes, 3)).toThrow('expected 2 bytes at offset 3, the array has 4');
    expect(() => readUint32(bytes, 1)).toThrow(WireError);
    expect(() => readUint16(bytes, -1)).toThrow(WireError);
  });

  it('refuses to write beyond the array and changes nothing', () => {
    const bytes = new Uint8Array(4);
    expect(() => {
      writeUint16(bytes, 3, 0xffff);
    }).toThrow(WireError);
    expect(() => {
      writeOctets(bytes, 2, Uint8Array.of(1, 2, 3));
    }).toThrow(WireError);
    expect([...bytes]).toEqual([0, 0, 0, 0]);
  });

  it.each([-1, 8, 1.5, NaN])('refuses %d for a field from 0 to 7', (value) => {
    expect(() => {
      requireRange('VLAN priority', value, 0, 7);
    }).toThrow(`VLAN priority: expected a whole number from 0 to 7, got ${value}`);
  });
});
