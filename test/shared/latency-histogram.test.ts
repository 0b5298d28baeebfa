import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LATENCY_BUCKETS } from '../../src/contract/latency';
import {
  formatLatency,
  latencyBucketBounds,
  latencyBucketOf,
  latencyDifference,
  latencyPercentile,
  latencySamples,
  summariseLatency,
} from '../../src/shared/latency-histogram';

const LEAST_NS = 1024;
const MOST_NS = 2 ** 30;
const PER_MILLE = [500, 900, 990, 999] as const;

/** Latencies of all sizes: as many short ones as long ones. */
const latency = fc
  .double({ min: 0, max: 34, noNaN: true })
  .map((power) => Math.floor(2 ** power) - 1);
const latencies = fc.array(latency, { minLength: 1, maxLength: 3000 });
/** Those that the buckets tell apart. */
const measurable = fc
  .array(fc.double({ min: LEAST_NS, max: MOST_NS - 1, noNaN: true }), {
    minLength: 1,
    maxLength: 3000,
  })
  .map((values) => values.map(Math.floor));

function histogramOf(values: readonly number[]): number[] {
  const buckets = new Array<number>(LATENCY_BUCKETS).fill(0);
  for (const value of values) {
    const bucket = latencyBucketOf(value);
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
  }
  return buckets;
}

/** Nearest rank, from the values themselves, without a fraction on the way. */
function exactPercentile(values: readonly number[], perMille: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  const rank = Number((BigInt(perMille) * BigInt(sorted.length) + 999n) / 1000n);
  return sorted[rank - 1] ?? NaN;
}

describe('the buckets', () => {
  it('cover all times without gap or overlap, in order', () => {
    const bounds = Array.from({ length: LATENCY_BUCKETS }, (_, bucket) =>
      latencyBucketBounds(bucket),
    );
    expect(bounds[0]?.from).toBe(0);
    expect(bounds.at(-1)).toEqual({ from: MOST_NS, to: Infinity });
    bounds.slice(1).forEach(({ from }, index) => {
      expect(from).toBe(bounds[index]?.to);
    });
    expect(bounds.every(({ from, to }) => from < to)).toBe(true);
  });

  it('have each time in the bucket whose bounds are around it', () => {
    fc.assert(
      fc.property(latency, (ns) => {
        const { from, to } = latencyBucketBounds(latencyBucketOf(ns));
        expect(from).toBeLessThanOrEqual(ns);
        expect(to).toBeGreaterThan(ns);
      }),
    );
  });

  it('begin exactly at their bounds', () => {
    for (let bucket = 1; bucket < LATENCY_BUCKETS; bucket++) {
      const { from } = latencyBucketBounds(bucket);
      expect([latencyBucketOf(from - 1), latencyBucketOf(from)]).toEqual([bucket - 1, bucket]);
    }
  });

  it.each([-1, -1e12, NaN, 0, 0.5])('take %d for short', (ns) => {
    expect(latencyBucketOf(ns)).toBe(0);
  });

  it.each([2 ** 31, 2 ** 32, 2 ** 40, Infinity])('take %d for long', (ns) => {
    expect(latencyBucketOf(ns)).toBe(LATENCY_BUCKETS - 1);
  });
});

describe('a percentile', () => {
  it('is within 6 % of the exact one', () => {
    fc.assert(
      fc.property(measurable, fc.integer({ min: 1, max: 1000 }), (values, perMille) => {
        const exact = exactPercentile(values, perMille) / 1000;
        const found = latencyPercentile(histogramOf(values), perMille);
        expect(Math.abs(found - exact) / exact).toBeLessThanOrEqual(0.06);
      }),
    );
  });

  it('is the bound where buckets end, for what is below and beyond', () => {
    expect(latencyPercentile(histogramOf([3, 900]), 999)).toBe(LEAST_NS / 1000);
    expect(latencyPercentile(histogramOf([5e9, 7e9]), 500)).toBe(MOST_NS / 1000);
  });

  it('is not a number without samples', () => {
    expect([latencyPercentile([], 500), latencyPercentile([0, 0], 500)]).toEqual([NaN, NaN]);
  });
});

describe('a summary', () => {
  it('counts the samples, and has percentiles that rise up to the longest', () => {
    fc.assert(
      fc.property(latencies, (values) => {
        const longestNs = Math.max(...values);
        const summary = summariseLatency(histogramOf(values), longestNs);
        if (!summary) throw new Error('there are samples');
        const { samples, p50, p90, p99, p999, max } = summary;
        expect([samples, max]).toEqual([values.length, longestNs / 1000]);
        const rising = [p50, p90, p99, p999, max];
        expect([...rising].sort((one, other) => one - other)).toEqual(rising);
      }),
    );
  });

  it('is null without samples', () => {
    expect(summariseLatency([], 0)).toBeNull();
  });
});

describe('a difference', () => {
  it('is the histogram of what came in between', () => {
    fc.assert(
      fc.property(latencies, latencies, (before, between) => {
        const earlier = histogramOf(before);
        const difference = latencyDifference(histogramOf([...before, ...between]), earlier);
        expect(difference).toEqual(histogramOf(between));
        expect(latencySamples(difference)).toBe(between.length);
        for (const perMille of PER_MILLE)
          expect(latencyPercentile(difference, perMille)).toBe(
            latencyPercentile(histogramOf(between), perMille),
          );
      }),
    );
  });

  it('takes buckets that were left out for zeros', () => {
    expect(latencyDifference([1, 5, 2], [1])).toEqual([0, 5, 2]);
  });
});

describe('formatLatency', () => {
  it.each([
    [0.4, '< 1 µs'],
    [1.024, '< 1 µs'],
    [1.09, '1.1 µs'],
    [9.96, '10 µs'],
    [37.4, '37 µs'],
    [999.4, '999 µs'],
    [999.6, '1.0 ms'],
    [12_300, '12 ms'],
    [999_600, '1.0 s'],
    [1_073_741, '1.1 s'],
    [NaN, '–'],
  ])('writes %d as %s', (microseconds, text) => {
    expect(formatLatency(microseconds)).toBe(text);
  });
});
