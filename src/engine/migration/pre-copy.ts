/** When another round of copying pays, while the guest still runs. */

/** Rounds with a running guest; the final one comes on top. */
export const MAX_LIVE_ROUNDS = 4;
/** So few pages (1 MiB) take less time than one more round would save. */
export const FEW_PAGES = 256;

/** Where a migration stands at the end of a round. */
export interface RoundOutcome {
  /** Rounds done. */
  readonly rounds: number;
  /** Pages that were dirty when the round began. */
  readonly before: number;
  /** Pages that are dirty now. */
  readonly remaining: number;
}

/**
 * Goes on while rounds shrink what remains: a guest that dirties pages as fast as they are sent
 * would never get done, and every further round would only cost bandwidth.
 */
export function isAnotherRoundWorthwhile({ rounds, before, remaining }: RoundOutcome): boolean {
  return rounds < MAX_LIVE_ROUNDS && remaining > FEW_PAGES && remaining < before;
}
