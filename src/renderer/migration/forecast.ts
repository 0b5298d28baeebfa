/** How long a running migration will still copy, from what its source has measured so far. */
import type { MigrationSnapshot } from '../../contract/lab';

interface Sent {
  readonly timeMs: number;
  readonly sentBytes: number;
}
/** A rate over less time says little. */
const RATE_SPAN_MS = 500;

/**
 * Bytes per second over the moments before a point, the last one unless told, from what the page saw; NaN while it has
 * seen too little. The source tells its rate only once a round has ended.
 */
export function sendingRate(seen: readonly Sent[], at = seen.length - 1): number {
  const last = seen[at];
  if (!last) return Number.NaN;
  let index = at;
  while (index > 0 && last.timeMs - (seen[index]?.timeMs ?? 0) < RATE_SPAN_MS) index -= 1;
  const first = seen[index] ?? last;
  const elapsedMs = last.timeMs - first.timeMs;
  return elapsedMs >= RATE_SPAN_MS
    ? ((last.sentBytes - first.sentBytes) * 1000) / elapsedMs
    : Number.NaN;
}

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
