/** Length of the bars that put the claimed downtime beside the measured silence. */
import type { CardBar } from './result-card';

/** Milliseconds at the full length: everything fits, the limit too unless it would squeeze the rest. */
export function barScaleMs(bars: readonly CardBar[], limitMs: number): number {
  const longest = Math.max(
    ...bars.map(({ milliseconds }) => (Number.isFinite(milliseconds) ? milliseconds : 0)),
  );
  return Math.max(1, longest, Math.min(limitMs, longest * 4 || limitMs)) * 1.05;
}
