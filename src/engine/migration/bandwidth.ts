/** Keeps the sending of a migration below a rate. Time in nanoseconds of one monotonic clock. */
import { MIB } from '../../shared/units';

/** What an idle sender may make up for: a limit is a limit, not an average over minutes. */
const BURST_NS = 20e6;

export class BandwidthLimit {
  #nsPerByte = 0;
  /** When what was sent so far has used its time. */
  #freeAtNs = 0;

  /** @param mebibytesPerSecond null: no limit. */
  set(mebibytesPerSecond: number | null): void {
    this.#nsPerByte = mebibytesPerSecond === null ? 0 : 1e9 / (mebibytesPerSecond * MIB);
    this.#freeAtNs = 0;
  }

  sent(bytes: number, nowNs: number): void {
    if (this.#nsPerByte === 0) return;
    const from = Math.max(this.#freeAtNs, nowNs - BURST_NS);
    this.#freeAtNs = from + bytes * this.#nsPerByte;
  }

  /** How long to wait before the next byte, in ms; 0: not at all. */
  waitMs(nowNs: number): number {
    return Math.max(0, this.#freeAtNs - nowNs) / 1e6;
  }
}
