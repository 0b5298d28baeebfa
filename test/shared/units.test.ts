import { describe, expect, it } from 'vitest';
import { GIB, KIB, MIB, formatBitRate, formatBytes, formatFrameRate } from '../../src/shared/units';

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [512, '512 B'],
    [1023.7, '1 KiB'],
    [KIB, '1 KiB'],
    [1.5 * GIB, '1.5 GiB'],
    [10 * MIB, '10 MiB'],
    [-2 * KIB, '-2 KiB'],
    [5000 * 1024 * GIB, '5000 TiB'],
  ])('writes %d as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe('formatBitRate', () => {
  it.each([
    [940e6, '940 Mbit/s'],
    [1e10, '10 Gbit/s'],
    [999_700, '1 Mbit/s'],
    [999.4, '999 bit/s'],
    [12_345, '12.3 kbit/s'],
  ])('writes %d as %s', (rate, text) => {
    expect(formatBitRate(rate)).toBe(text);
  });
});

describe('formatFrameRate', () => {
  it('names frames per second', () => {
    expect(formatFrameRate(1_250_000)).toBe('1.25 Mframes/s');
  });

  it('shows a dash for a rate that is not known', () => {
    expect([NaN, Infinity].map(formatFrameRate)).toEqual(['–', '–']);
  });

  it('shows no sign in front of a rounded zero', () => {
    expect(formatFrameRate(-0.001)).toBe('0 frames/s');
  });
});
