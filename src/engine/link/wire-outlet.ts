/**
 * Empties a wire ring on the link thread, whose event loop must not block: the thread sleeps on the
 * ring's word by `Atomics.waitAsync`, and an idle ring costs nothing.
 *
 * ```
 *  draining ── empty ──▶ sleeping ── frames ──▶ draining
 *     └─────── blocked ─▶ (nothing is scheduled until resume) ─▶ draining
 * ```
 */
import { W_HEAD, W_LINK_SLEEPING, W_LINK_WAKE, W_TAIL } from '../kernel/layout';
import type { MemoryViews } from '../memory/host-memory';
import { wireFill } from '../thread/rings';

/** `Atomics.waitAsync` (ECMAScript 2024), which every runtime of the engine has and `lib` has not. */
interface AtomicsWithWaitAsync {
  waitAsync(
    words: Int32Array,
    index: number,
    value: number,
  ):
    | { readonly async: false; readonly value: string }
    | { readonly async: true; readonly value: Promise<string> };
}

/** What one look at the ring found. */
export type Drained = 'empty' | 'moved' | 'blocked';

export class WireOutlet {
  readonly #views: MemoryViews;
  readonly #ring: number;
  readonly #drain: () => Drained;
  #phase: 'idle' | 'scheduled' | 'sleeping' | 'closed' = 'idle';

  /** @param drain takes what is in the ring; `blocked` when it cannot take more until `resume`. */
  constructor(views: MemoryViews, ring: number, drain: () => Drained) {
    this.#views = views;
    this.#ring = ring;
    this.#drain = drain;
  }

  /** Starts, or goes on after `blocked`. Harmless otherwise. */
  resume(): void {
    if (this.#phase === 'idle') this.#pump();
  }

  /** Ends; the ring is not touched any more, except for its wake-up word until the sleeper is gone. */
  close(): void {
    const wasSleeping = this.#phase === 'sleeping';
    this.#phase = 'closed';
    if (wasSleeping) wakeSleeper(this.#views, this.#ring);
  }

  #pump(): void {
    const drained = this.#drain();
    if (this.#phase === 'closed') return;
    if (drained === 'blocked') this.#phase = 'idle';
    // After a burst another one is likely: look once more before asking the producer for a wake-up.
    else if (drained === 'moved') this.#later();
    else this.#sleep();
  }

  #later(): void {
    this.#phase = 'scheduled';
    setImmediate(() => {
      if (this.#phase === 'scheduled') this.#pump();
    });
  }

  #sleep(): void {
    const waiting = sleepUntilFrames(this.#views, this.#ring);
    if (!waiting) {
      this.#later();
      return;
    }
    this.#phase = 'sleeping';
    void waiting.then(() => {
      if (this.#phase === 'sleeping') this.#pump();
    });
  }
}

/** Resolves when a producer has put frames on the ring; undefined when there are some now. */
function sleepUntilFrames(views: MemoryViews, ring: number): Promise<string> | undefined {
  const { i32 } = views;
  const wakeAt = (ring + W_LINK_WAKE) >>> 2;
  const sleepingAt = (ring + W_LINK_SLEEPING) >>> 2;
  const seen = Atomics.load(i32, wakeAt);
  // Pairs with the kernel's wirePublish: the flag is set before the last look at the tail, so either
  // this sees the frames or the producer sees the flag.
  Atomics.store(i32, sleepingAt, 1);
  if (wireFill(views, ring) === 0) {
    const waiting = (Atomics as unknown as AtomicsWithWaitAsync).waitAsync(i32, wakeAt, seen);
    if (waiting.async) return waiting.value;
  }
  Atomics.store(i32, sleepingAt, 0);
  return undefined;
}

/** Ends a sleep as the producer would. */
function wakeSleeper(views: MemoryViews, ring: number): void {
  const { i32 } = views;
  // Pairs with sleepUntilFrames.
  Atomics.store(i32, (ring + W_LINK_SLEEPING) >>> 2, 0);
  Atomics.add(i32, (ring + W_LINK_WAKE) >>> 2, 1);
  Atomics.notify(i32, (ring + W_LINK_WAKE) >>> 2);
}

/** Throws away what is in a ring. Its consumer's thread. */
export function discardFrames(views: MemoryViews, ring: number): void {
  // Pairs with the kernel's wirePublish and wireReserve, as wireAdvance does.
  const tail = Atomics.load(views.i32, (ring + W_TAIL) >>> 2);
  Atomics.store(views.i32, (ring + W_HEAD) >>> 2, tail);
}
