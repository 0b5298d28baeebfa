/** Median and spread of repeated measurements, and ratios taken pair by pair. */

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @throws RangeError when there is no value. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((one, other) => one - other);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  const min = sorted[0];
  const max = sorted.at(-1);
  if (upper === undefined || lower === undefined || min === undefined || max === undefined)
    throw new RangeError('a spread needs at least one value');
  return { median: (lower + upper) / 2, min, max };
}

/**
 * Ratios of measurements that were made next to each other, one for each pair.
 * @throws RangeError when the lists differ in length.
 */
export function pairRatios(ours: readonly number[], peer: readonly number[]): number[] {
  if (ours.length !== peer.length)
    throw new RangeError(`expected pairs, found ${ours.length} and ${peer.length} values`);
  return ours.map((value, index) => value / (peer[index] ?? Number.NaN));
}

/** The value that `fraction` of a sorted list lies at or below. Nearest rank. */
export function quantile(sorted: Float64Array, fraction: number): number {
  const rank = Math.min(sorted.length - 1, Math.max(0, Math.ceil(fraction * sorted.length) - 1));
  const value = sorted[rank];
  if (value === undefined) throw new RangeError('a quantile needs at least one value');
  return value;
}
