import { describe, expect, it } from 'vitest';
import { barScaleMs } from '../../../src/renderer/migration/bar-scale';
import { percentDone, placeInQueue, whyCommitted } from '../../../src/renderer/migration/progress';
import { wrapped } from '../../../src/renderer/migration/result-picture';
import { aMigration } from '../support/a-migration';

describe('percentDone', () => {
  it('is what need not be sent any more, and goes back when the guest writes', () => {
    const at = (remainingBytes: number): number =>
      percentDone({ outcome: 'running', totalBytes: 100, remainingBytes });
    expect([at(100), at(25), at(130)]).toEqual([0, 75, 0]);
  });

  it('is all once completed, and nothing before the memory is known', () => {
    expect(percentDone({ outcome: 'completed', totalBytes: 100, remainingBytes: 3 })).toBe(100);
    expect(percentDone({ outcome: 'running', totalBytes: 0, remainingBytes: 0 })).toBe(0);
  });
});

describe('whyCommitted', () => {
  it('lets it be cancelled until the commit, in the queue too', () => {
    expect(whyCommitted({ outcome: 'queued', phase: null })).toBe('');
    expect(whyCommitted({ outcome: 'running', phase: 'final-copy' })).toBe('');
    expect(whyCommitted({ outcome: 'running', phase: 'committing' })).not.toBe('');
    expect(whyCommitted({ outcome: 'running', phase: 'cleaning-up' })).not.toBe('');
  });
});

describe('placeInQueue', () => {
  it('counts only those that wait', () => {
    const active = [
      aMigration({ migrationId: 'a', outcome: 'running' }),
      aMigration({ migrationId: 'b', outcome: 'queued' }),
      aMigration({ migrationId: 'c', outcome: 'queued' }),
    ];
    expect(placeInQueue({ migrationId: 'c' }, active)).toBe('place 2 of 2 in the queue');
  });
});

describe('barScaleMs', () => {
  const bar = (milliseconds: number) => ({ label: '', source: '', test: '', milliseconds });

  it('has room for the longest bar and for the limit', () => {
    expect(barScaleMs([bar(6), bar(8)], 20)).toBeGreaterThan(20);
    expect(barScaleMs([bar(600), bar(Number.NaN)], 20)).toBeGreaterThan(600);
  });

  it('does not let a far limit squeeze the bars to nothing', () => {
    expect(barScaleMs([bar(6), bar(8)], 5000)).toBeLessThan(50);
  });

  it('is the limit alone when nothing was measured', () => {
    expect(barScaleMs([bar(Number.NaN), bar(Number.NaN)], 20)).toBeCloseTo(21);
  });
});

describe('wrapped', () => {
  it('breaks between words and leaves a long word whole', () => {
    expect(wrapped('one two three incomprehensible x', 9, (part) => part.length)).toEqual([
      'one two',
      'three',
      'incomprehensible',
      'x',
    ]);
  });
});
