/** The requests of an adapter as readers see them: those that have ended, and the one that runs. */
import type { PendingRequest, RequestLogEntry } from '../../contract/vmq';
import { handlerOf } from '../ndis/request-log';
import type { HostAdapter } from './host-adapter';

/** A request that runs longer waits for something that does not come (reference §6.7). */
export const STUCK_AFTER_MS = 2000;

/** Entries after number `after`, oldest first. */
export function requestLogOf(adapter: HostAdapter, after = 0): RequestLogEntry[] {
  return adapter.ndis
    .requestLog()
    .filter(({ sequence }) => sequence > after)
    .map(({ timeMs, ...entry }) => ({
      ...entry,
      arguments: { ...entry.arguments },
      atMs: timeMs,
      answeredBy: handlerOf(entry),
    }));
}

/** The request that runs now, with who holds what it waits for. */
export function pendingRequestOf(adapter: HostAdapter): PendingRequest | null {
  const pending = adapter.ndis.pendingRequest();
  if (!pending) return null;
  const freed = adapter.ndis.enumQueues().filter(({ exactState }) => exactState === 'Freeing');
  const holders = freed.flatMap(({ queueId }) => adapter.miniport.holdersOf(queueId));
  return {
    ...pending,
    arguments: { ...pending.arguments },
    isStuck: adapter.now() - pending.sinceMs >= STUCK_AFTER_MS,
    heldBy: [...holders],
    waitsFor: adapter.hardware.parts.threads
      .threads()
      .filter(({ unanswered }) => unanswered > 0)
      .map(({ name }) => name),
  };
}
