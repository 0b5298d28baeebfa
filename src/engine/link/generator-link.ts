/** A generator: sends ready frames in turn, numbered, at a fixed rate or as fast as possible. Link thread. */
import { FullRing } from './full-ring';
import { LinkCounters } from './link-counters';
import type { GeneratorOrder } from './link-protocol';
import { delayMs, RatePacer } from './pacing';
import type { LinkContext, LinkSigns, ThreadLink } from './thread-link';
import { Ticker } from './ticker';

/** Frames of one step at most, so that the thread's sockets get their turn. */
const STEP_FRAMES = 4096;

type Phase = 'new' | 'running' | 'stopped' | 'finished' | 'removed';

export class GeneratorLink implements ThreadLink {
  readonly #context: LinkContext;
  readonly #order: GeneratorOrder;
  readonly #signs: LinkSigns;
  readonly #counters: LinkCounters;
  readonly #pacer: RatePacer;
  readonly #full: FullRing;
  readonly #ticker = new Ticker(() => {
    this.#step();
  });
  #phase: Phase = 'new';
  #sent = 0;

  constructor(context: LinkContext, order: GeneratorOrder, signs: LinkSigns) {
    this.#context = context;
    this.#full = new FullRing(context.yieldProcessor);
    this.#order = order;
    this.#signs = signs;
    this.#counters = new LinkCounters(context.views, order.block);
    this.#pacer = new RatePacer(order.framesPerSecond);
  }

  start(): Promise<void> {
    if (this.#phase === 'running' || this.#phase === 'removed') return Promise.resolve();
    if (this.#phase === 'finished') this.#sent = 0;
    this.#phase = 'running';
    this.#signs.state('running', '');
    this.#pacer.begin(this.#context.clock());
    this.#step();
    return Promise.resolve();
  }

  stop(): void {
    if (this.#phase !== 'running') return;
    this.#phase = 'stopped';
    this.#ticker.cancel();
    this.#signs.state('stopped', '');
  }

  remove(): Promise<void> {
    this.#phase = 'removed';
    this.#ticker.cancel();
    return Promise.resolve();
  }

  #step(): void {
    const now = this.#context.clock();
    const limit = Math.min(STEP_FRAMES, this.#pacer.allowed(now), this.#remaining());
    const made = this.#make(limit, now);
    this.#context.account();
    if (this.#remaining() === 0) {
      this.#phase = 'finished';
      this.#signs.state('finished', '');
      return;
    }
    const waitNs = this.#pacer.waitNs(now);
    if (made < limit) this.#ticker.schedule(this.#full.delayMs(now));
    else this.#ticker.schedule(waitNs === 0 ? 0 : delayMs(waitNs));
  }

  #make(limit: number, now: number): number {
    if (limit === 0) return 0;
    const { inRing, templates, templateCount, frameBytes } = this.#order;
    const { kernel } = this.#context;
    const made = kernel.generate(
      inRing,
      templates,
      templateCount,
      frameBytes,
      limit,
      this.#sent,
      now,
    );
    this.#sent += made;
    this.#pacer.sent(made);
    this.#counters.countIn(made, made * frameBytes);
    if (made > 0) this.#full.moved();
    return made;
  }

  #remaining(): number {
    return this.#order.frames === 0 ? Infinity : this.#order.frames - this.#sent;
  }
}
