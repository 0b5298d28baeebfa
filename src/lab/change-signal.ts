/**
 * Tells any number of readers that something changed, as seldom as needed: changes within one
 * interval are one change, and a slow reader misses intermediate ones but never the last.
 */
export class ChangeSignal {
  readonly #intervalMs: number;
  #revision = 0;
  #lastMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** Rises with each announced change. */
  get revision(): number {
    return this.#revision;
  }

  /** Announces a change: at once, or when the interval since the last announcement is over. */
  changed(): void {
    if (this.#timer !== undefined) return;
    const waitMs = Math.max(0, this.#lastMs + this.#intervalMs - performance.now());
    this.#timer = setTimeout(() => this.#announce(), waitMs);
  }

  /** Resolves at the first announcement after `revision`, or when `signal` aborts. */
  next(revision: number, signal: AbortSignal): Promise<void> {
    if (this.#revision !== revision || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener('abort', done);
    });
  }

  /** Forgets a pending announcement; readers end by their own signals. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #announce(): void {
    this.#timer = undefined;
    this.#lastMs = performance.now();
    this.#revision += 1;
    for (const wake of [...this.#waiting]) wake();
  }
}

/** `read()` now and after each announced change, until `signal` aborts. */
export async function* watchChanges<Value>(
  changes: ChangeSignal,
  read: () => Value,
  signal: AbortSignal,
): AsyncGenerator<Value, void, undefined> {
  while (!signal.aborted) {
    const revision = changes.revision;
    yield read();
    await changes.next(revision, signal);
  }
}

/** A signal that aborts with the first of two. (`AbortSignal.any` is newer than Electron's Node.) */
export function anyOf(first: AbortSignal, second: AbortSignal): AbortSignal {
  const either = new AbortController();
  const abort = (): void => {
    either.abort();
    first.removeEventListener('abort', abort);
    second.removeEventListener('abort', abort);
  };
  if (first.aborted || second.aborted) {
    either.abort();
  } else {
    first.addEventListener('abort', abort);
    second.addEventListener('abort', abort);
  }
  return either.signal;
}
