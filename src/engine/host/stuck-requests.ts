/**
 * Watches for a request that does not end: a free that waits for a buffer which nobody returns stops
 * the whole control path of its adapter (`docs/vmq-reference.md` §6.7). Each is reported once, with
 * who holds what it waits for. Control thread.
 */
import type { PendingRequest } from '../../contract/vmq';
import type { EventLog } from './event-log';
import type { HostAdapter } from './host-adapter';
import { pendingRequestOf } from './request-view';

export class StuckRequests {
  readonly #log: EventLog;
  /** When the request that was reported last began, by adapter. */
  readonly #reported = new Map<HostAdapter, number>();

  constructor(log: EventLog) {
    this.#log = log;
  }

  /** Looks at the request that runs now. Call it once a second. */
  check(adapter: HostAdapter): void {
    const pending = pendingRequestOf(adapter);
    const before = this.#reported.get(adapter);
    if (pending?.isStuck !== true) {
      if (before === undefined) return;
      this.#reported.delete(adapter);
      this.#emit(
        adapter,
        'adapter/request-ended',
        'the request that was stuck has ended',
        '',
        'info',
      );
      return;
    }
    if (before === pending.sinceMs) return;
    this.#reported.set(adapter, pending.sinceMs);
    const { caller, oid, waiting } = pending;
    const text = `${oid} of ${caller} does not end; ${waiting} request(s) wait behind it`;
    this.#emit(adapter, 'adapter/request-stuck', text, heldText(pending), 'warning');
  }

  #emit(
    adapter: HostAdapter,
    type: string,
    text: string,
    cause: string,
    severity: 'info' | 'warning',
  ): void {
    const { id, name } = adapter.config;
    const object = { kind: 'adapter', id, name } as const;
    this.#log.emit(type, object, `${name}: ${text}.`, cause || 'It was completed.', severity);
  }
}

function heldText({ heldBy, waitsFor }: PendingRequest): string {
  const holders = heldBy.map(({ holder, buffers }) => `${holder} holds ${buffers}`);
  const buffers = `Receive buffers of the queue are not back: ${holders.join('; ')}.`;
  const threads = `Threads that do not answer: ${waitsFor.join('; ')}.`;
  const parts = [heldBy.length > 0 ? buffers : '', waitsFor.length > 0 ? threads : ''];
  return parts.filter((part) => part !== '').join(' ') || 'Nobody is seen to hold it up.';
}
