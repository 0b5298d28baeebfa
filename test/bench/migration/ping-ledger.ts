/** Which requests were answered, how often and in which order. Numbers rise by one; times in milliseconds. */
import type { PingScore } from './pinger';

/** A request younger than this may still be answered. */
const ON_ITS_WAY_MS = 250;

export class PingLedger {
  readonly #sentAt = new Map<number, number>();
  readonly #answers = new Map<number, number>();
  #reordered = 0;
  #duplicated = 0;
  #highest = -1;
  #lastMs: number | undefined;
  #silenceMs = 0;

  sent(number: number, nowMs: number): void {
    this.#sentAt.set(number, nowMs);
  }

  /** Answers to requests of before are ignored. */
  answered(number: number, nowMs: number): void {
    if (!this.#sentAt.has(number)) return;
    this.#silenceMs = Math.max(this.#silenceMs, nowMs - (this.#lastMs ?? nowMs));
    this.#lastMs = nowMs;
    const before = this.#answers.get(number) ?? 0;
    this.#answers.set(number, before + 1);
    if (before > 0) {
      this.#duplicated += 1;
      return;
    }
    if (number < this.#highest) this.#reordered += 1;
    this.#highest = Math.max(this.#highest, number);
  }

  score(nowMs: number): PingScore {
    const counted = [...this.#sentAt].filter(
      ([number, sentMs]) => this.#answers.has(number) || nowMs - sentMs > ON_ITS_WAY_MS,
    );
    const answered = this.#answers.size;
    return {
      sent: counted.length,
      answered,
      lost: counted.length - answered,
      duplicated: this.#duplicated,
      reordered: this.#reordered,
      silenceMs: this.#silenceMs,
    };
  }
}
