/**
 * The lab's event list: its own events and those of all engine processes in the order in which they
 * arrived, numbered without gaps. The list is bounded; the oldest are forgotten.
 */
import type { EngineEvent, EventObject, LabEvent } from '../contract/events';
import { ChangeSignal } from './change-signal';

const KEPT_EVENTS = 5000;
/** Events of one interval reach a reader in one batch. */
const BATCH_INTERVAL_MS = 50;

export type EventSeverity = LabEvent['severity'];

export class EventList {
  readonly #kept: LabEvent[] = [];
  readonly #limit: number;
  readonly #changes = new ChangeSignal(BATCH_INTERVAL_MS);
  #nextSequence = 0;

  constructor(limit = KEPT_EVENTS) {
    this.#limit = limit;
  }

  /** Adds an event of an engine process. */
  add(event: EngineEvent, hostId?: string): void {
    const sequence = this.#nextSequence;
    this.#nextSequence += 1;
    this.#kept.push({ ...event, sequence, ...(hostId === undefined ? {} : { hostId }) });
    if (this.#kept.length > this.#limit) this.#kept.splice(0, this.#kept.length - this.#limit);
    this.#changes.changed();
  }

  /** Adds an event of the lab itself, now. `type` is `area/past-tense`. */
  record(
    type: string,
    object: EventObject,
    text: string,
    cause: string,
    details: { readonly severity?: EventSeverity; readonly hostId?: string } = {},
  ): void {
    const timeMs = performance.timeOrigin + performance.now();
    this.add(
      { timeMs, type, severity: details.severity ?? 'info', object, text, cause },
      details.hostId,
    );
  }

  /** Kept events after `sequence`, all kept ones when it is left out. */
  after(sequence = -1): LabEvent[] {
    const first = this.#kept[0]?.sequence ?? this.#nextSequence;
    return this.#kept.slice(Math.max(0, sequence + 1 - first));
  }

  /** Batches of events after `sequence`, then live ones, until `signal` aborts. */
  async *follow(
    sequence: number | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<LabEvent[], void, undefined> {
    let last = sequence ?? -1;
    while (!signal.aborted) {
      const revision = this.#changes.revision;
      const batch = this.after(last);
      if (batch.length > 0) {
        last = batch.at(-1)?.sequence ?? last;
        yield batch;
      }
      await this.#changes.next(revision, signal);
    }
  }

  close(): void {
    this.#changes.close();
  }
}
