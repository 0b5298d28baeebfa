/**
 * A replay: offers the frames of a capture to a wire ring, at the recorded pace, at a fixed rate, or
 * as fast as the ring takes them. It drops nothing: while the ring is full it waits. Link thread.
 */
import { B_TIME } from '../kernel/layout';
import { NANOSECONDS_PER_MILLISECOND } from '../../shared/units';
import { CaptureBatches, type Batch } from './capture-batches';
import { LinkCounters } from './link-counters';
import type { ReplayOrder } from './link-protocol';
import { delayMs, RatePacer, RecordedPacer } from './pacing';
import { FullRing } from './full-ring';
import type { LinkContext, LinkSigns, ThreadLink } from './thread-link';
import { Ticker } from './ticker';

/** Frames of one step at most, so that the thread's sockets get their turn. */
const STEP_FRAMES = 4096;
/** The kernel's count of frames is 32 bits. */
const BURST_FRAMES = 512;
/** Between two loops of a capture whose frames have no distance to take over. */
const SHORTEST_GAP_NS = NANOSECONDS_PER_MILLISECOND;

type Phase = 'new' | 'running' | 'stopped' | 'finished' | 'failed' | 'removed';

export class ReplayLink implements ThreadLink {
  readonly #context: LinkContext;
  readonly #order: ReplayOrder;
  readonly #signs: LinkSigns;
  readonly #counters: LinkCounters;
  readonly #batches: CaptureBatches;
  readonly #rate: RatePacer | undefined;
  readonly #recorded = new RecordedPacer();
  readonly #full: FullRing;
  readonly #ticker = new Ticker(() => {
    this.#step();
  });
  #phase: Phase = 'new';
  #batch: Batch | undefined;
  /** Next record. */
  #at = 0;
  #loopsDone = 0;
  #stoppedNs = 0;

  constructor(context: LinkContext, order: ReplayOrder, signs: LinkSigns) {
    this.#context = context;
    this.#full = new FullRing(context.yieldProcessor);
    this.#order = order;
    this.#signs = signs;
    this.#counters = new LinkCounters(context.views, order.block);
    this.#batches = new CaptureBatches(context.views, order.region, order.regionBytes, order.file);
    this.#batches.onReady = () => {
      if (this.#phase === 'running') this.#ticker.schedule(0);
    };
    if (order.rate.mode !== 'recorded') {
      const { rate } = order;
      this.#rate = new RatePacer(rate.mode === 'fixed' ? rate.framesPerSecond : Infinity);
    }
  }

  /**
   * Reads the first part of the capture. Once, before the first `start`.
   * @throws CaptureError
   */
  async prepare(): Promise<void> {
    await this.#batches.open();
  }

  /** @throws CaptureError when the capture is to be read again and cannot. */
  async start(): Promise<void> {
    if (this.#phase === 'running' || this.#phase === 'removed') return;
    const now = this.#context.clock();
    if (this.#phase === 'stopped') this.#recorded.postpone(now - this.#stoppedNs);
    else {
      if (this.#phase !== 'new') await this.#startOver();
      this.#recorded.begin(this.#context.clock());
    }
    this.#rate?.begin(this.#context.clock());
    this.#phase = 'running';
    this.#signs.state('running', '');
    this.#step();
  }

  stop(): void {
    if (this.#phase !== 'running') return;
    this.#phase = 'stopped';
    this.#stoppedNs = this.#context.clock();
    this.#ticker.cancel();
    this.#signs.state('stopped', '');
  }

  async remove(): Promise<void> {
    this.#phase = 'removed';
    this.#ticker.cancel();
    await this.#batches.close();
  }

  async #startOver(): Promise<void> {
    this.#loopsDone = 0;
    this.#batch = undefined;
    await this.#batches.open();
  }

  #timeAt(record: number): number {
    return this.#context.views.getF64(record + B_TIME);
  }

  /** Offers what is due, and asks for the next step. */
  #step(): void {
    const now = this.#context.clock();
    let left = STEP_FRAMES;
    while (left > 0) {
      if (!this.#hasRecord()) return;
      const limit = Math.min(left, BURST_FRAMES, this.#rate?.allowed(now) ?? Infinity);
      const moved = this.#offer(now, limit);
      left -= moved;
      if (moved === limit && limit > 0) continue;
      if (!this.#isBatchPlayed()) {
        this.#wait(now, moved < limit);
        return;
      }
    }
    this.#context.account();
    this.#ticker.schedule(0);
  }

  /** Returns frames that went to the ring. */
  #offer(now: number, limit: number): number {
    const { kernel } = this.#context;
    const end = this.#batch?.end ?? 0;
    const until = this.#rate ? Infinity : this.#recorded.until(now, this.#timeAt(this.#at));
    this.#at = kernel.replay(this.#order.inRing, this.#at, end, until, limit, now) >>> 0;
    const moved = kernel.lastFrames();
    this.#counters.countIn(moved, kernel.lastBytes());
    this.#rate?.sent(moved);
    if (moved > 0) this.#full.moved();
    return moved;
  }

  #isBatchPlayed(): boolean {
    return this.#at >= (this.#batch?.end ?? 0);
  }

  /** Sleeps until the ring has room, or until the next frame is due. */
  #wait(now: number, isShort: boolean): void {
    this.#context.account();
    const waitNs = this.#rate
      ? this.#rate.waitNs(now)
      : this.#recorded.waitNs(now, this.#timeAt(this.#at));
    const isFull = isShort && waitNs === 0;
    this.#ticker.schedule(isFull ? this.#full.delayMs(now) : waitNs === 0 ? 0 : delayMs(waitNs));
  }

  /** Makes sure that `#at` is a record; false when there is none now. */
  #hasRecord(): boolean {
    while (!this.#batch || this.#isBatchPlayed()) {
      if (this.#batch) this.#batches.release();
      this.#batch = this.#batches.next();
      if (this.#batch) this.#at = this.#batch.start;
      else if (this.#batches.failure) return this.#fail(this.#batches.failure);
      else if (!this.#batches.isAtEnd) return false;
      else if (!this.#nextLoop()) return false;
    }
    return true;
  }

  /** At the end of the capture. True when the next loop's records are there already. */
  #nextLoop(): boolean {
    const { frames, lastTimeNs } = this.#batches;
    this.#counters.countLoop();
    this.#loopsDone += 1;
    const { loops } = this.#order;
    if (frames === 0 || (loops > 0 && this.#loopsDone >= loops)) {
      this.#finish(frames === 0 ? 'The capture has no frames.' : '');
      return false;
    }
    // The rhythm goes on: the mean distance of frames lies between two loops.
    const gapNs = frames > 1 ? lastTimeNs / (frames - 1) : 0;
    this.#recorded.postpone(Math.max(0, lastTimeNs) + (gapNs > 0 ? gapNs : SHORTEST_GAP_NS));
    if (this.#batches.isWhole) {
      this.#batches.rewind();
      return true;
    }
    this.#readAgain();
    return false;
  }

  #readAgain(): void {
    this.#batches.open().then(
      () => {
        if (this.#phase === 'running') this.#ticker.schedule(0);
      },
      (cause: unknown) => {
        this.#fail(cause instanceof Error ? cause : new Error(String(cause)));
      },
    );
  }

  #finish(reason: string): void {
    this.#phase = 'finished';
    this.#ticker.cancel();
    this.#context.account();
    this.#signs.state('finished', reason);
  }

  #fail(cause: Error): false {
    if (this.#phase === 'removed') return false;
    this.#phase = 'failed';
    this.#ticker.cancel();
    this.#signs.state('failed', cause.message);
    return false;
  }
}
