import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPowerOfTwo, nextPowerOfTwo } from '../../src/shared/power-of-two';

describe('isPowerOfTwo', () => {
  it('accepts every power from 1 to 2^31', () => {
    const powers = Array.from({ length: 32 }, (_, exponent) => 2 ** exponent);
    expect(powers.filter((power) => !isPowerOfTwo(power))).toEqual([]);
  });

  it.each([0, -1, -2, 3, 1000, 1.5, 2 ** 32, 2 ** 32 + 1, NaN, Infinity])('refuses %d', (value) => {
    expect(isPowerOfTwo(value)).toBe(false);
  });
});

describe('nextPowerOfTwo', () => {
  it('returns the smallest power of two that is not below the value', () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 2 ** 31, noNaN: true }), (value) => {
        const power = nextPowerOfTwo(value);
        expect(isPowerOfTwo(power)).toBe(true);
        expect(power).toBeGreaterThanOrEqual(value);
        expect(power / 2).toBeLessThan(value);
      }),
    );
  });

  it('returns 1 for everything from 0 to 1', () => {
    expect([0, 0.5, 1].map(nextPowerOfTwo)).toEqual([1, 1, 1]);
  });

  it.each([-1, NaN, 2 ** 31 + 1, Infinity])('refuses %d', (value) => {
    expect(() => nextPowerOfTwo(value)).toThrow(RangeError);
  });
});
