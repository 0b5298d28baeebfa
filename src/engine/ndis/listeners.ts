/** Ends a subscription; harmless when called twice. */
export type Unsubscribe = () => void;

/**
 * Those who want to know about one kind of event. A listener that throws does not disturb the layer
 * or the other listeners: its error is raised again outside of them, where it ends up as uncaught.
 */
export class Listeners<Event> {
  readonly #listeners = new Set<(event: Event) => void>();

  get size(): number {
    return this.#listeners.size;
  }

  add(listener: (event: Event) => void): Unsubscribe {
    const own = (event: Event): void => listener(event);
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  emit(event: Event): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
