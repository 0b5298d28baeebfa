/** Waiting in the steps of a lab file: for a time, for a condition, for a promise; and the run's interruption. */
import { refusal } from './refusals';

const POLL_MS = 50;

export class StepClock {
  readonly #interruption: AbortSignal;

  constructor(interruption: AbortSignal) {
    this.#interruption = interruption;
  }

  /** Calls `listener` when the run is interrupted, at once when it was; answers a function that forgets it. */
  onInterrupt(listener: () => void): () => void {
    const signal = this.#interruption;
    if (signal.aborted) listener();
    else signal.addEventListener('abort', listener);
    return () => signal.removeEventListener('abort', listener);
  }

  /** @throws RefusalError `wrong-state` as soon as the run is interrupted */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        forget();
        resolve();
      }, ms);
      const forget = this.onInterrupt(() => {
        clearTimeout(timer);
        reject(interrupted());
      });
    });
  }

  /** Waits until `condition` holds; answers false when it does not in time. @throws RefusalError as `sleep` */
  async until(condition: () => boolean, limitMs: number): Promise<boolean> {
    const deadline = performance.now() + limitMs;
    while (!condition()) {
      if (performance.now() > deadline) return false;
      await this.sleep(POLL_MS);
    }
    return true;
  }

  /** Waits for `promise`; undefined when it takes longer. An interruption does not end this wait. */
  async within<Value>(promise: Promise<Value>, limitMs: number): Promise<Value | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), limitMs);
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function interrupted(): Error {
  return refusal({
    code: 'wrong-state',
    what: 'The step was interrupted.',
    why: 'The run was asked to end early.',
    remedy: '',
  });
}
