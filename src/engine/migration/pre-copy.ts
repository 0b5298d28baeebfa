/** When another round of copying pays, while the guest still runs; and what to say when none does. */
import type { MigrationLimits, MigrationOptions } from '../../contract/migration';
import { MIB } from '../../shared/units';
import { PAGE_SIZE } from '../kernel/layout';

/** So few pages are copied before one more round would have begun. */
const FEW_PAGES = 32;
/** Stopping the guest, the last message, the commit record and starting it again, without any page. */
const FIXED_DOWNTIME_MS = 5;
/** A round that leaves more than this part of what it began with does not shrink what remains. */
const SHRINKS_TO = 0.6;
const FIRST_THROTTLE = 20;
const MORE_THROTTLE = 15;
const MOST_THROTTLE = 95;

/** Where a migration stands at the end of a round. */
export interface RoundOutcome {
  /** Rounds done. */
  readonly rounds: number;
  /** Pages that were dirty when the round began, and that are dirty now. */
  readonly before: number;
  readonly remaining: number;
  /** Rate at which pages can be sent, in bytes per second, without any limit. */
  readonly copyRate: number;
}

/** `copy` another round, `stop` the guest, or `exhausted`: no round is left, and too much remains. */
export type NextStep = 'copy' | 'stop' | 'exhausted';

/** Downtime in ms if the guest were stopped with so many pages left. */
export function expectedDowntimeMs(remainingPages: number, copyRate: number): number {
  return FIXED_DOWNTIME_MS + ((remainingPages * PAGE_SIZE) / copyRate) * 1000;
}

/**
 * Rounds go on while they shrink what remains, as each makes the downtime shorter and costs only
 * bandwidth, and while the rest does not fit into the downtime limit.
 */
export function nextStep(
  outcome: RoundOutcome,
  { maxRounds, downtimeLimitMs }: Pick<MigrationOptions, 'maxRounds' | 'downtimeLimitMs'>,
): NextStep {
  if (outcome.remaining <= FEW_PAGES) return 'stop';
  const fits = expectedDowntimeMs(outcome.remaining, outcome.copyRate) <= downtimeLimitMs;
  if (outcome.rounds >= maxRounds) return fits ? 'stop' : 'exhausted';
  return fits && !isShrinking(outcome) ? 'stop' : 'copy';
}

/** Whether a round left clearly less than it began with. */
export function isShrinking({ before, remaining }: RoundOutcome): boolean {
  return remaining <= before * SHRINKS_TO;
}

/** How much of its time the guest loses next, when rounds do not shrink what remains. */
export function nextThrottle(percent: number): number {
  return percent === 0 ? FIRST_THROTTLE : Math.min(MOST_THROTTLE, percent + MORE_THROTTLE);
}

/** Why a migration does not converge, and what can be done: one sentence each. */
export function notConverging(
  outcome: RoundOutcome,
  rates: { readonly sent: number; readonly dirtied: number },
  options: MigrationLimits & Pick<MigrationOptions, 'autoConverge'>,
): string {
  const rate = (bytes: number): string => `${(bytes / MIB).toFixed(0)} MiB/s`;
  const wait = expectedDowntimeMs(outcome.remaining, outcome.copyRate).toFixed(0);
  const remedies = [
    options.bandwidthMiBps === null ? [] : ['raise the bandwidth limit'],
    ['raise the downtime limit'],
    options.autoConverge ? [] : ['let the guest be slowed down'],
    ['lower the load of the VM'],
  ].flat();
  const last = remedies.pop() ?? '';
  return (
    `The guest writes ${rate(rates.dirtied)}, and ${rate(rates.sent)} are sent: ` +
    `stopping it now would take about ${wait} ms, more than the limit of ${options.downtimeLimitMs} ms. ` +
    `You can ${remedies.join(', ')}${remedies.length > 0 ? ' or ' : ''}${last}.`
  );
}
