/** The rounds of a migration as stretches of time, with the rates and the rest that each left. */
import type { MigrationSnapshot } from '../../contract/lab';
import type { MigrationRound } from '../../contract/migration';

/** A page of a VM's memory. */
export const PAGE_BYTES = 4096;

export interface RoundSpan {
  readonly round: MigrationRound;
  /** Unix time in milliseconds. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Memory to go when it began and when it ended. */
  readonly startBytes: number;
  readonly endBytes: number;
  /** Sent, and dirtied meanwhile, per second; NaN for a round that took no time. */
  readonly bytesPerSecond: number;
  readonly dirtyBytesPerSecond: number;
}

type Migration = Pick<MigrationSnapshot, 'startedAtMs' | 'phases' | 'roundList' | 'totalBytes'>;

export function roundSpans(migration: Migration): RoundSpan[] {
  let fromMs = phaseStart(migration, 'copying') ?? migration.startedAtMs;
  let startBytes = migration.totalBytes;
  return migration.roundList.map((round) => {
    if (!round.live) fromMs = Math.max(fromMs, phaseStart(migration, 'final-copy') ?? fromMs);
    const toMs = fromMs + round.durationMs;
    const endBytes = round.dirtyPages * PAGE_BYTES;
    const span = {
      round,
      fromMs,
      toMs,
      startBytes,
      endBytes,
      bytesPerSecond: perSecond(round.bytes, round.durationMs),
      dirtyBytesPerSecond: perSecond(endBytes, round.durationMs),
    };
    fromMs = toMs;
    startBytes = endBytes;
    return span;
  });
}

function phaseStart({ startedAtMs, phases }: Migration, name: string): number | undefined {
  const entered = phases.find(({ phase }) => phase === name);
  return entered && startedAtMs + entered.startMs;
}

function perSecond(amount: number, durationMs: number): number {
  return durationMs > 0 ? (amount * 1000) / durationMs : Number.NaN;
}
