/** How far a migration is, as one figure and in words. */
import type { MigrationSnapshot } from '../../contract/lab';

/** Phases in which a migration can still be cancelled and its limits changed: those before the commit. */
const BEFORE_COMMIT: ReadonlySet<string> = new Set([
  'preparing',
  'clearing-filters',
  'stopping-dma',
  'copying',
  'stopping-vm',
  'final-copy',
]);

/** 0 to 100. Memory that the guest writes again makes it go back: that is what happens. */
export function percentDone({
  outcome,
  totalBytes,
  remainingBytes,
}: Pick<MigrationSnapshot, 'outcome' | 'totalBytes' | 'remainingBytes'>): number {
  if (outcome === 'completed') return 100;
  if (!(totalBytes > 0)) return 0;
  return Math.max(0, Math.min(100, (1 - remainingBytes / totalBytes) * 100));
}

/** Why it can no longer be cancelled or limited; empty while it can. */
export function whyCommitted({
  outcome,
  phase,
}: Pick<MigrationSnapshot, 'outcome' | 'phase'>): string {
  if (outcome === 'queued' || phase === null) return '';
  return BEFORE_COMMIT.has(phase) ? '' : 'It has been committed: the VM belongs to the target.';
}

/** `1st in line`, by the order in which the waiting ones were asked for. */
export function placeInQueue(
  { migrationId }: Pick<MigrationSnapshot, 'migrationId'>,
  active: readonly MigrationSnapshot[],
): string {
  const waiting = active.filter(({ outcome }) => outcome === 'queued');
  const place = waiting.findIndex((candidate) => candidate.migrationId === migrationId) + 1;
  return place > 0 ? `place ${place} of ${waiting.length} in the queue` : 'in the queue';
}
