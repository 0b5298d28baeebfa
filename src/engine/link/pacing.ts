/**
 * When a source may send. Timers are as coarse as a millisecond or more, so sources catch up on what
 * has become due; {@link CATCH_UP_NS} bounds that, so that a stalled thread is not followed by a flood.
 * Pure arithmetic on the caller's clock, in nanoseconds.
 */
import { NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND } from '../../shared/units';

/** How much of the past is caught up on at most. */
export const CATCH_UP_NS = 50 * NANOSECONDS_PER_MILLISECOND;

/** A fixed rate of frames; Infinity for no limit. */
export class RatePacer {
  readonly #nsPerFrame: number;
  #startNs = 0;
  #sent = 0;

  constructor(framesPerSecond: number) {
    this.#nsPerFrame = NANOSECONDS_PER_SECOND / framesPerSecond;
  }

  /** From now on; nothing is owed for the time before. The first frame is due at once. */
  begin(nowNs: number): void {
    this.#startNs = nowNs;
    this.#sent = 0;
  }

  /** Frames that may be sent now. */
  allowed(nowNs: number): number {
    if (this.#nsPerFrame === 0) return Infinity;
    const owed = this.#owed(nowNs);
    const most = Math.max(1, Math.floor(CATCH_UP_NS / this.#nsPerFrame));
    if (owed <= most) return Math.max(0, owed);
    this.#startNs += (owed - most) * this.#nsPerFrame;
    return most;
  }

  sent(frames: number): void {
    this.#sent += frames;
  }

  /** Time until the next frame is due; 0 when it is due already. */
  waitNs(nowNs: number): number {
    if (this.#nsPerFrame === 0) return 0;
    return Math.max(0, this.#startNs + this.#sent * this.#nsPerFrame - nowNs);
  }

  #owed(nowNs: number): number {
    return Math.floor((nowNs - this.#startNs) / this.#nsPerFrame) + 1 - this.#sent;
  }
}

/** The times of a capture, which begin at 0, on the caller's clock. */
export class RecordedPacer {
  #originNs = 0;

  /** The capture starts now. */
  begin(nowNs: number): void {
    this.#originNs = nowNs;
  }

  /** Everything comes `ns` later: after a pause, or because the capture starts over. */
  postpone(ns: number): void {
    this.#originNs += ns;
  }

  /** Time in the capture that has been reached, when the next frame has time `nextNs`. */
  until(nowNs: number, nextNs: number): number {
    const late = nowNs - this.#originNs - nextNs;
    if (late > CATCH_UP_NS) this.#originNs += late - CATCH_UP_NS;
    return nowNs - this.#originNs;
  }

  /** Time until a frame with time `nextNs` is due. */
  waitNs(nowNs: number, nextNs: number): number {
    return Math.max(0, this.#originNs + nextNs - nowNs);
  }
}

/** A timer delay that does not wake early. */
export function delayMs(ns: number): number {
  return Math.max(1, Math.ceil(ns / NANOSECONDS_PER_MILLISECOND));
}
