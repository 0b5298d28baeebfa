import { describe, expect, it } from 'vitest';

import { pairRatios, quantile, spreadOf } from './spread';

describe('spreadOf', () => {
  it('gives median, least and greatest value, whatever their order', () => {
    expect(spreadOf([9, 1, 5])).toEqual({ median: 5, min: 1, max: 9 });
  });

  it('takes the mean of the two middle values of an even number', () => {
    expect(spreadOf([4, 1, 2, 8])).toEqual({ median: 3, min: 1, max: 8 });
  });

  it('refuses an empty list', () => {
    expect(() => spreadOf([])).toThrow(RangeError);
  });
});

describe('pairRatios', () => {
  it('divides each value by the one that was measured next to it', () => {
    expect(pairRatios([2, 9], [4, 3])).toEqual([0.5, 3]);
  });

  it('refuses lists of different length', () => {
    expect(() => pairRatios([1], [])).toThrow(RangeError);
  });
});

describe('quantile', () => {
  const values = Float64Array.from({ length: 1000 }, (_, i) => i + 1);

  it('gives the value that so many lie at or below', () => {
    expect(quantile(values, 0.5)).toBe(500);
    expect(quantile(values, 0.999)).toBe(999);
  });

  it('gives the ends for 0 and 1', () => {
    expect([quantile(values, 0), quantile(values, 1)]).toEqual([1, 1000]);
  });
});
