import { describe, expect, it } from 'vitest';
import {
  formatCount,
  formatMbits,
  formatMilliseconds,
  formatRelative,
  formatShort,
  formatVlan,
} from '../../../src/renderer/format/format';
import { lookOf } from '../../../src/renderer/format/states';
import { QUEUE_STATES, vmStateSchema } from '../../../src/contract/host';

describe('formatting', () => {
  it('shows a dash for what is not known', () => {
    expect([
      formatCount(Number.NaN),
      formatMbits(Number.NaN),
      formatMilliseconds(Number.NaN),
      formatVlan(null),
    ]).toEqual(['–', '–', '–', '–']);
  });

  it('groups whole numbers and rounds rates', () => {
    expect(formatCount(1_234_567.4)).toBe('1,234,567');
    expect(formatMbits(125_000_000)).toBe('1,000.0');
  });

  it('shortens axis labels', () => {
    expect([950, 1200, 100_000, 3_400_000].map(formatShort)).toEqual([
      '950',
      '1.2 k',
      '100 k',
      '3.4 M',
    ]);
  });

  it('writes times relative while fresh', () => {
    const now = Date.UTC(2026, 0, 2, 12, 0, 0);
    expect([500, 12_000, 300_000].map((age) => formatRelative(now - age, now))).toEqual([
      'now',
      '12 s ago',
      '5 min ago',
    ]);
    expect(formatRelative(now - 7_200_000, now)).toMatch(/^\d\d:\d\d:\d\d$/);
  });

  it('gives milliseconds the digits that matter', () => {
    expect([0.5, 43.21, 3410].map(formatMilliseconds)).toEqual(['0.50 ms', '43.2 ms', '3.41 s']);
  });
});

describe('lookOf', () => {
  it('knows a shape and a word for every state of queues and VMs', () => {
    const fallback = lookOf('never-heard-of').word;
    expect(fallback).toBe('never-heard-of');
    for (const state of [...QUEUE_STATES, ...vmStateSchema.options])
      expect(lookOf(state).shape).not.toBe('');
    expect(lookOf('StopDma').word).toBe('stopping DMA');
  });
});
