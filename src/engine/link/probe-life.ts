/**
 * What a guest says about a probe flow during one life: from its first probe until it loses its
 * memory. Its answers are numbered in the order in which it took the probes, so the numbers that
 * arrive tell what became of both ways. Pure bookkeeping; link thread.
 */
import type { ProbeAccount } from '../wire/probe';

/** A growing array of numbers from 0, for what is as long as a flow. */
export class NumberList {
  #values = new Uint32Array(1024);

  get(at: number): number {
    return this.#values[at] ?? 0;
  }

  set(at: number, value: number): void {
    if (at >= this.#values.length) {
      const grown = new Uint32Array(Math.max(at + 1, 2 * this.#values.length));
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[at] = value;
  }
}

/** What an answer is to those of the same life that came before it. */
export type AnswerPlace = 'next' | 'late' | 'again' | 'contradiction';

export class GuestLife {
  /** When the guest took the first probe, by its word. */
  readonly sinceNs: number;
  /** Probe of each answer, by number of the answer; plus one, 0: it has not arrived. */
  readonly #probes = new NumberList();
  #answers = 0;
  #arrived = 0;
  #highest = -1;
  #lastReceivedNs: number;
  #longestGapNs = 0;

  constructor(sinceNs: number) {
    this.sinceNs = sinceNs;
    this.#lastReceivedNs = sinceNs;
  }

  /** Answers that the guest has sent and that have not arrived. */
  get missing(): number {
    return this.#answers - this.#arrived;
  }

  get lastReceivedNs(): number {
    return this.#lastReceivedNs;
  }

  get longestGapNs(): number {
    return this.#longestGapNs;
  }

  /** Takes an answer to probe `sequence`; a contradiction changes nothing. */
  take(sequence: number, account: ProbeAccount): AnswerPlace {
    const number = account.answers - 1;
    const known = this.#probes.get(number);
    if (known !== 0 && known !== sequence + 1) return 'contradiction';
    this.learn(account);
    if (known !== 0) return 'again';
    this.#probes.set(number, sequence + 1);
    this.#arrived += 1;
    if (number < this.#highest) return 'late';
    this.#highest = number;
    return 'next';
  }

  /** Takes what the guest says alone. An older account changes nothing. */
  learn(account: ProbeAccount): void {
    this.#answers = Math.max(this.#answers, account.answers);
    this.#lastReceivedNs = Math.max(this.#lastReceivedNs, account.receivedNs);
    this.#longestGapNs = Math.max(this.#longestGapNs, account.longestGapNs);
  }

  /** Calls `visit` for each answer that has arrived, in the order in which the guest took the probes. */
  eachProbe(visit: (sequence: number) => void): void {
    for (let number = 0; number <= this.#highest; number++) {
      const probe = this.#probes.get(number);
      if (probe !== 0) visit(probe - 1);
    }
  }
}
