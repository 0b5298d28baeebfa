import { describe, expect, it } from 'vitest';
import { migrationOptionsSchema } from '../../../src/contract/migration';
import {
  expectedDowntimeMs,
  isShrinking,
  nextStep,
  nextThrottle,
  notConverging,
} from '../../../src/engine/migration/pre-copy';

const OPTIONS = { maxRounds: 12, downtimeLimitMs: 20 };
/** 400 MB/s: 4,096 pages take about 42 ms. */
const OUTCOME = { rounds: 1, before: 65_536, remaining: 4096, copyRate: 400e6 };

describe('nextStep', () => {
  it('copies on while the rest does not fit into the downtime limit', () => {
    expect(nextStep({ ...OUTCOME, before: 4096 }, OPTIONS)).toBe('copy');
  });

  it('copies on while rounds shrink what remains, though the rest would fit', () => {
    expect(nextStep({ ...OUTCOME, before: 2048, remaining: 1000 }, OPTIONS)).toBe('copy');
  });

  it('stops the guest when the rest fits and rounds do not shrink it any more', () => {
    expect(nextStep({ ...OUTCOME, before: 1000, remaining: 900 }, OPTIONS)).toBe('stop');
  });

  it('stops the guest when next to nothing remains', () => {
    expect(nextStep({ ...OUTCOME, remaining: 32 }, OPTIONS)).toBe('stop');
  });

  it('stops the guest in the last round when the rest fits', () => {
    const last = { ...OUTCOME, rounds: 12, before: 2048, remaining: 1000 };
    expect(nextStep(last, OPTIONS)).toBe('stop');
  });

  it('is exhausted when the last round leaves too much', () => {
    expect(nextStep({ ...OUTCOME, rounds: 12 }, OPTIONS)).toBe('exhausted');
  });

  it('takes a higher downtime limit for what was too much', () => {
    const last = { ...OUTCOME, rounds: 12 };
    expect(nextStep(last, { ...OPTIONS, downtimeLimitMs: 100 })).toBe('stop');
  });
});

describe('expectedDowntimeMs', () => {
  it('rises with what remains and falls with the rate', () => {
    const of100Pages = expectedDowntimeMs(100, 400e6);
    expect(of100Pages).toBeCloseTo(5 + 1.024, 3);
    expect(expectedDowntimeMs(200, 400e6)).toBeGreaterThan(of100Pages);
    expect(expectedDowntimeMs(100, 800e6)).toBeLessThan(of100Pages);
  });
});

describe('nextThrottle', () => {
  it('takes more time from the guest each time, but never all of it', () => {
    const steps = [0, 1, 2, 3, 4, 5, 6].reduce<number[]>((all) => {
      return [...all, nextThrottle(all.at(-1) ?? 0)];
    }, []);
    expect(steps).toEqual([20, 35, 50, 65, 80, 95, 95]);
  });
});

describe('notConverging', () => {
  const options = migrationOptionsSchema.parse({ bandwidthMiBps: 80 });
  const rates = { sent: 80 * 1024 * 1024, dirtied: 120 * 1024 * 1024 };
  const outcome = { rounds: 12, before: 25_600, remaining: 25_600, copyRate: 400e6 };

  it('says what was measured, what follows, and what can be done', () => {
    expect(notConverging(outcome, rates, options)).toBe(
      'The guest writes 120 MiB/s, and 80 MiB/s are sent: stopping it now would take about 267 ms, ' +
        'more than the limit of 20 ms. You can raise the bandwidth limit, raise the downtime limit, ' +
        'let the guest be slowed down or lower the load of the VM.',
    );
  });

  it('proposes nothing that is done already', () => {
    const text = notConverging(outcome, rates, {
      ...options,
      bandwidthMiBps: null,
      autoConverge: true,
    });
    expect(text).toContain('You can raise the downtime limit or lower the load of the VM.');
  });
});

describe('isShrinking', () => {
  it('wants a clear difference', () => {
    expect(isShrinking({ ...OUTCOME, before: 1000, remaining: 900 })).toBe(false);
    expect(isShrinking({ ...OUTCOME, before: 1000, remaining: 500 })).toBe(true);
  });
});
