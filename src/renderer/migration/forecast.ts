/** How long a running migration will still copy, from what its source has measured so far. */
import type { MigrationSnapshot } from '../../contract/lab';

type Measured = Pick<
  MigrationSnapshot,
  'bytesPerSecond' | 'dirtyBytesPerSecond' | 'remainingBytes' | 'expectedDowntimeMs' | 'options'
>;

/**
 * Milliseconds until the rest fits into the downtime limit: 0 when it does now, Infinity while memory becomes dirty
 * as fast as it is sent, NaN while nothing is known. It takes both rates to stay as they are.
 */
export function copyingLeftMs(migration: Measured): number {
  const { bytesPerSecond, dirtyBytesPerSecond, remainingBytes, expectedDowntimeMs } = migration;
  if (!(bytesPerSecond > 0) || !(remainingBytes > 0)) return Number.NaN;
  const limitMs = migration.options.downtimeLimitMs;
  if (expectedDowntimeMs <= limitMs) return 0;
  const shrinking = bytesPerSecond - dirtyBytesPerSecond;
  if (shrinking <= 0) return Number.POSITIVE_INFINITY;
  // The final copy has a rate of its own: what it takes now says how much it could take within the limit.
  const fits = (remainingBytes * limitMs) / expectedDowntimeMs;
  return ((remainingBytes - fits) * 1000) / shrinking;
}
