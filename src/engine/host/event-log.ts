/** What a host or fabric tells the lab: events with time, object and cause, and that its snapshot has changed. */
import type { EngineEvent, EventObject } from '../../contract/events';

type Listener<Value> = (value: Value) => void;

export class EventLog {
  readonly #events = new Set<Listener<EngineEvent>>();
  readonly #changes = new Set<Listener<void>>();

  onEvent(listener: Listener<EngineEvent>): () => void {
    this.#events.add(listener);
    return () => void this.#events.delete(listener);
  }

  onChange(listener: () => void): () => void {
    this.#changes.add(listener);
    return () => void this.#changes.delete(listener);
  }

  /** Something about the snapshot has changed. */
  changed(): void {
    for (const listener of this.#changes) listener();
  }

  /** @param cause why: the command, the rule or the fault behind it. */
  emit(
    type: string,
    object: EventObject,
    text: string,
    cause: string,
    severity: EngineEvent['severity'] = 'info',
  ): void {
    this.forward({ timeMs: Date.now(), type, severity, object, text, cause });
  }

  /** An event that is worded already. */
  forward(event: EngineEvent): void {
    for (const listener of this.#events) listener(event);
    this.changed();
  }
}
