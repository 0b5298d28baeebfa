/**
 * What the answers of a probe flow say about the path: loss, duplicates, order and silence. Pure
 * bookkeeping by sequence number; probes are numbered from 0 in the order of sending.
 */
import { NANOSECONDS_PER_MILLISECOND } from '../../shared/units';
import type { ProbeResult } from '../../contract/migration';

export class ProbeScore {
  #answered = new Uint8Array(1024);
  #sent = 0;
  #received = 0;
  #duplicated = 0;
  #reordered = 0;
  #highest = -1;
  #lastNs = -1;
  #silenceNs = 0;

  /** Number of the next probe. */
  get nextSequence(): number {
    return this.#sent;
  }

  get isComplete(): boolean {
    return this.#received === this.#sent;
  }

  /** The next probe was sent. */
  sent(): void {
    this.#sent += 1;
  }

  /** An answer has come. Answers to probes that were never sent are ignored. */
  answered(sequence: number, nowNs: number): void {
    if (sequence >= this.#sent) return;
    if (this.#lastNs >= 0) this.#silenceNs = Math.max(this.#silenceNs, nowNs - this.#lastNs);
    this.#lastNs = nowNs;
    if (this.#isAnswered(sequence)) {
      this.#duplicated += 1;
      return;
    }
    this.#mark(sequence);
    this.#received += 1;
    if (sequence < this.#highest) this.#reordered += 1;
    this.#highest = Math.max(this.#highest, sequence);
  }

  result(): ProbeResult {
    return {
      sent: this.#sent,
      received: this.#received,
      lost: this.#sent - this.#received,
      duplicated: this.#duplicated,
      reordered: this.#reordered,
      silenceMs: this.#silenceNs / NANOSECONDS_PER_MILLISECOND,
    };
  }

  #isAnswered(sequence: number): boolean {
    return ((this.#answered[sequence >>> 3] ?? 0) & (1 << (sequence & 7))) !== 0;
  }

  #mark(sequence: number): void {
    const at = sequence >>> 3;
    if (at >= this.#answered.length) {
      const grown = new Uint8Array(Math.max(at + 1, 2 * this.#answered.length));
      grown.set(this.#answered);
      this.#answered = grown;
    }
    this.#answered[at] = (this.#answered[at] ?? 0) | (1 << (sequence & 7));
  }
}
