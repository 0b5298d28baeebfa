/**
 * From the ticks of a capture file to nanoseconds, without BigInt and without an allocation.
 *
 * A double holds nanoseconds since 1970 only to about 256 ns. Seconds and the rest are therefore
 * kept apart until the end: relative to the first frame of the file, times are exact for 104 days.
 */
import { NANOSECONDS_PER_SECOND } from '../../../shared/units';

/** What frame times are counted from: 1970, or the first frame of the file (which is then at 0). */
export type TimestampOrigin = 'epoch' | 'first-frame';

const TWO_TO_32 = 2 ** 32;
const EXACT_BITS = 53;

/** Turns times into the numbers that the sink gets, in the order of the file. */
export class CaptureClock {
  /** The time of the latest frame as the sink saw it; 0 before the first. */
  latestNs = 0;

  private hasOrigin: boolean;
  private originSeconds = 0;
  private originNs = 0;

  constructor(origin: TimestampOrigin) {
    this.hasOrigin = origin === 'epoch';
  }

  /** The time of a frame; the first one sets the origin if that is asked for. */
  at(seconds: number, nanoseconds: number): number {
    if (!this.hasOrigin) {
      this.hasOrigin = true;
      this.originSeconds = seconds;
      this.originNs = nanoseconds;
    }
    const wholeNs = (seconds - this.originSeconds) * NANOSECONDS_PER_SECOND;
    this.latestNs = wholeNs + (nanoseconds - this.originNs);
    return this.latestNs;
  }
}

/** How one interface counts time: ticks per second, and seconds to add. */
export class TickScale {
  private readonly ticksPerSecond: number;
  private readonly offsetSeconds: number;
  /** Bits that can be appended to a remainder without losing any. */
  private readonly stepBits: number;
  private seconds = 0;
  private remainder = 0;

  /** `ticksPerSecond` is a whole number up to 2^52. */
  constructor(ticksPerSecond: number, offsetSeconds: number) {
    this.ticksPerSecond = ticksPerSecond;
    this.offsetSeconds = offsetSeconds;
    this.stepBits = Math.min(16, EXACT_BITS - Math.ceil(Math.log2(ticksPerSecond)));
  }

  /** The time of a 64-bit tick count, given as its two halves, on `clock`. */
  at(clock: CaptureClock, ticksHigh: number, ticksLow: number): number {
    this.divide(ticksHigh, ticksLow);
    return clock.at(this.seconds + this.offsetSeconds, this.remainderNs());
  }

  /**
   * Long division, a few bits at a time, so that every intermediate value stays exact. The remainder
   * is taken by subtraction: `%` on numbers this large costs several times as much.
   */
  private divide(ticksHigh: number, ticksLow: number): void {
    this.seconds = 0;
    this.remainder = 0;
    this.appendDigit(ticksHigh, 1);
    for (let bitsLeft = 32; bitsLeft > 0;) {
      const bits = Math.min(this.stepBits, bitsLeft);
      const base = 1 << bits;
      bitsLeft -= bits;
      this.appendDigit((ticksLow >>> bitsLeft) & (base - 1), base);
    }
  }

  private appendDigit(digit: number, base: number): void {
    const dividend = this.remainder * base + digit;
    let quotient = Math.floor(dividend / this.ticksPerSecond);
    // The division may have been rounded up to the next whole number.
    if (quotient * this.ticksPerSecond > dividend) quotient -= 1;
    this.seconds = this.seconds * base + quotient;
    this.remainder = dividend - quotient * this.ticksPerSecond;
  }

  private remainderNs(): number {
    if (this.ticksPerSecond <= NANOSECONDS_PER_SECOND) {
      const exactNsPerTick = NANOSECONDS_PER_SECOND / this.ticksPerSecond;
      return Math.floor(this.remainder * exactNsPerTick);
    }
    return Math.floor(this.remainder / (this.ticksPerSecond / NANOSECONDS_PER_SECOND));
  }
}

/** A signed 64-bit number from its two halves; exact up to 2^53. */
export function signed64(high: number, low: number): number {
  return (high | 0) * TWO_TO_32 + low;
}
