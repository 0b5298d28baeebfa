import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  foldChecksum,
  internetChecksum,
  sumOctets,
  sumUint32,
} from '../../../src/engine/wire/internet-checksum';
import { bytesOf } from './frame-bytes';

/** The definition of RFC 1071, word by word with the carry added back at once. */
function checksumByDefinition(bytes: Uint8Array): number {
  const words = Array.from(
    { length: Math.ceil(bytes.length / 2) },
    (_, index) => (bytes[2 * index] ?? 0) * 256 + (bytes[2 * index + 1] ?? 0),
  );
  const sum = words.reduce((total, word) => {
    const next = total + word;
    return next > 0xffff ? next - 0xffff : next;
  }, 0);
  return 0xffff - sum;
}

describe('the Internet checksum', () => {
  it('is 0x220d for the example of RFC 1071 section 3', () => {
    expect(internetChecksum(bytesOf('0001 f203 f4f5 f6f7'), 0, 8)).toBe(0x220d);
  });

  it('is 0xb861 for a known IPv4 header', () => {
    const header = bytesOf('4500 0073 0000 4000 4011 0000 c0a8 0001 c0a8 00c7');
    expect(internetChecksum(header, 0, 20)).toBe(0xb861);
  });

  it('agrees with its definition for any range', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        expect(internetChecksum(bytes, 0, bytes.length)).toBe(checksumByDefinition(bytes));
      }),
    );
  });

  it('is the same whether a range is summed at once or in even parts', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(100), (bytes, half) => {
        const split = Math.min(2 * half, bytes.length);
        const sum = sumOctets(bytes, split, bytes.length - split, sumOctets(bytes, 0, split));
        expect(foldChecksum(sum)).toBe(internetChecksum(bytes, 0, bytes.length));
      }),
    );
  });

  it('stays exact for the largest packet', () => {
    const bytes = new Uint8Array(0xffff).fill(0xff);
    expect(internetChecksum(bytes, 0, bytes.length)).toBe(checksumByDefinition(bytes));
  });

  it('sums a 32-bit number as its two halves', () => {
    expect(sumUint32(0xfffe0001)).toBe(0xffff);
  });
});
