/**
 * Powers of two: ring capacities, page counts and table sizes are all checked and rounded here, so
 * that the rule exists once.
 */

const LARGEST_POWER_OF_TWO = 2 ** 31;

/** Whether `value` is 1, 2, 4 … up to 2^31. Fractions, zero, negatives and NaN are not. */
export function isPowerOfTwo(value: number): boolean {
  const unsigned = value >>> 0;
  return unsigned === value && unsigned !== 0 && (unsigned & (unsigned - 1)) === 0;
}

/**
 * The smallest power of two that is not below `value`; 1 for zero.
 *
 * @throws RangeError when `value` is negative, not a number, or above 2^31.
 */
export function nextPowerOfTwo(value: number): number {
  if (!(value >= 0 && value <= LARGEST_POWER_OF_TWO)) {
    throw new RangeError(`power of two: expected a value from 0 to 2^31, got ${value}`);
  }
  if (value <= 1) return 1;
  return 2 ** (32 - Math.clz32(Math.ceil(value) - 1));
}
