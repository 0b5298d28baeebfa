/** The two kinds of stream that an engine process answers with: snapshots and events. */
import { setTimeout as delay } from 'node:timers/promises';
import type { EngineEvent } from '../contract/events';
import type { Unsubscribe } from './engine-api';

/** Shortest time between two snapshots: ten a second are enough for eyes. */
const SNAPSHOT_INTERVAL_MS = 100;
/** Events kept for a launcher that has not asked for them yet. */
const EARLY_EVENTS = 1000;

/** Something with a whole state that tells when it changed. */
export interface Watched<Snapshot> {
  snapshot(): Snapshot;
  onChange(listener: () => void): Unsubscribe;
}

/**
 * The whole state now, then after each change; changes in quick succession become one snapshot, and
 * the last one is never missed.
 */
export async function* watchSnapshots<Snapshot>(
  source: Watched<Snapshot>,
  signal: AbortSignal | undefined,
  intervalMs = SNAPSHOT_INTERVAL_MS,
): AsyncGenerator<Snapshot> {
  const bell = new Bell(signal);
  const unsubscribe = source.onChange(() => bell.ring());
  try {
    do {
      bell.reset();
      yield source.snapshot();
      await pause(intervalMs, signal);
      await bell.rung();
    } while (signal?.aborted !== true);
  } finally {
    unsubscribe();
  }
}

/** The engine's events; those before the first listener are kept for it, up to a limit. */
export class EventFeed {
  #early: EngineEvent[] | undefined = [];
  readonly #listeners = new Set<(event: EngineEvent) => void>();

  push(event: EngineEvent): void {
    for (const listener of this.#listeners) listener(event);
    if (this.#early === undefined) return;
    this.#early.push(event);
    if (this.#early.length > EARLY_EVENTS) this.#early.shift();
  }

  async *stream(signal: AbortSignal | undefined): AsyncGenerator<EngineEvent> {
    const pending = this.#early ?? [];
    this.#early = undefined;
    const bell = new Bell(signal);
    const listener = (event: EngineEvent): void => {
      pending.push(event);
      bell.ring();
    };
    this.#listeners.add(listener);
    try {
      while (signal?.aborted !== true) {
        bell.reset();
        yield* pending.splice(0);
        if (pending.length === 0) await bell.rung();
      }
    } finally {
      this.#listeners.delete(listener);
    }
  }
}

/** Waits for something to happen, or for the listener to go away. */
class Bell {
  #hasRung = false;
  #wake: () => void = () => undefined;

  constructor(signal: AbortSignal | undefined) {
    signal?.addEventListener('abort', () => this.ring(), { once: true });
  }

  ring(): void {
    this.#hasRung = true;
    this.#wake();
  }

  reset(): void {
    this.#hasRung = false;
  }

  /** Resolves once rung since the last reset. */
  async rung(): Promise<void> {
    if (this.#hasRung) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** Waits, but no longer than the listener is there. */
async function pause(intervalMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(intervalMs, undefined, signal === undefined ? {} : { signal });
  } catch {
    // The listener went away: the caller looks at the signal next.
  }
}
