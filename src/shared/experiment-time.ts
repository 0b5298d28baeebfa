/** How long an experiment takes: the same figure for who runs it and who is about to ask for it. */
import type { ExperimentOptions } from '../contract/experiment';

/** From the end of a handover to the first meter: rings fill, threads find their pace. */
export const SETTLE_MS = 200;
/** What changing the mode takes, about. */
const CHANGE_MS = 50;
/** Each measurement of the round that does not count; less where rounds are shorter. */
const WARM_UP_SECONDS = 0.5;

/** Seconds that a measurement takes in a round; round 0 does not count. */
export function measuredSeconds({ secondsPerRound }: ExperimentOptions, round: number): number {
  return round === 0 ? Math.min(WARM_UP_SECONDS, secondsPerRound) : secondsPerRound;
}

/** Seconds that the whole takes, about. @param arms modes that take turns */
export function expectedSeconds(options: ExperimentOptions, arms: number): number {
  // An A/A run goes to another mode and back.
  const changes = options.aa ? 2 : 1;
  const overheadMs = (options.rounds + 1) * arms * (SETTLE_MS + changes * CHANGE_MS);
  const measured = measuredSeconds(options, 0) + options.rounds * options.secondsPerRound;
  return overheadMs / 1000 + arms * measured;
}
