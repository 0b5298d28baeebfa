/**
 * The states of an engine process and what is legal in each, checked here for all commands:
 *
 * | state   | open    | close   | any other command | watch                  |
 * |---------|---------|---------|-------------------|------------------------|
 * | new     | → open  | → ended | wrong-state       | waits                  |
 * | opening | refused | → ended | wrong-state       | waits                  |
 * | open    | refused | → ended | yes               | yes                    |
 * | ended   | refused | same    | wrong-state       | wrong-state            |
 *
 * An `open` that failed leads back to new, so that the launcher may try again with less memory.
 */
import { RefusalError } from '../shared/refusal-error';

type State = 'new' | 'opening' | 'open' | 'ended';

export class LifeCycle {
  readonly #what: string;
  #state: State = 'new';
  #waiting: (() => void)[] = [];
  #closing: Promise<void> | undefined;

  /** @param what What is opened, for refusals: `host` or `fabric`. */
  constructor(what: string) {
    this.#what = what;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Runs the engine's `open`, once. */
  async open(action: () => Promise<void>): Promise<void> {
    if (this.#state !== 'new') throw this.#wrongState('open');
    this.#state = 'opening';
    try {
      await action();
    } catch (error) {
      this.#enter('opening', 'new');
      throw error;
    }
    this.#enter('opening', 'open');
  }

  /** Runs the engine's `close`, once; later callers wait for the same end. */
  close(action: () => Promise<void>): Promise<void> {
    this.#state = 'ended';
    this.#closing ??= action();
    this.#wake();
    return this.#closing;
  }

  /** @throws RefusalError `wrong-state` unless open. */
  requireOpen(command: string): void {
    if (this.#state !== 'open') throw this.#wrongState(command);
  }

  /** Waits until open, so that a page may connect while its host still starts. */
  async untilOpen(command: string, signal: AbortSignal | undefined): Promise<void> {
    while (this.#state === 'new' || this.#state === 'opening') {
      if (signal?.aborted === true) return;
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        signal?.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    this.requireOpen(command);
  }

  #enter(from: State, to: State): void {
    if (this.#state === from) this.#state = to;
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  #wrongState(command: string): RefusalError {
    const found = { new: 'not open yet', opening: 'being opened', open: 'open', ended: 'closed' };
    return new RefusalError({
      code: 'wrong-state',
      what: `The command "${command}" is not possible now.`,
      why: `The ${this.#what} is ${found[this.#state]}.`,
      remedy: '',
    });
  }
}
