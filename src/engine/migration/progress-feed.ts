/**
 * Progress on its way to one reader who may be slow. Copying never waits for it: within a phase the
 * latest report replaces the one before, so at most one report for each phase is kept, in order.
 */
import type { MigrationProgress } from '../../contract/migration';
import { Condition } from './condition';

export class ProgressFeed {
  readonly #kept: MigrationProgress[] = [];
  readonly #changed = new Condition();
  #isOver = false;
  #error: Error | undefined;

  push(progress: MigrationProgress): void {
    const last = this.#kept.length - 1;
    if (this.#kept[last]?.phase === progress.phase) this.#kept[last] = progress;
    else this.#kept.push(progress);
    this.#changed.changed();
  }

  /** Nothing comes after this; the reader gets what is kept and then the error, if there is one. */
  end(error?: Error): void {
    this.#isOver = true;
    this.#error = error;
    this.#changed.changed();
  }

  /** The next report, or undefined at the end. */
  async next(): Promise<MigrationProgress | undefined> {
    await this.#changed.until(() => this.#kept.length > 0 || this.#isOver);
    const next = this.#kept.shift();
    if (next === undefined && this.#error) throw this.#error;
    return next;
  }
}
