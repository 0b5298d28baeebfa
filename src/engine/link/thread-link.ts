/** What links of the link thread have in common. */
import type { MemoryViews } from '../memory/host-memory';
import type { Clock } from '../thread/clock';
import type { Kernel } from '../thread/kernel';
import type { LinkState } from './link-protocol';

/** The thread that links run on. */
export interface LinkContext {
  readonly views: MemoryViews;
  readonly kernel: Kernel;
  readonly clock: Clock;
  /** Called after each piece of work; keeps the thread's CPU account. */
  readonly account: () => void;
  /** Lets other threads that are ready run; false where that is not possible. */
  readonly yieldProcessor: () => boolean;
}

/** How a link tells the control thread what became of it. */
export interface LinkSigns {
  state(state: LinkState, reason: string): void;
  connected(): void;
  disconnected(reason: string): void;
}

/** One link. All calls on the link thread. */
export interface ThreadLink {
  /** Goes on, or starts over when it was finished or has failed. Harmless while it runs. */
  start(): Promise<void>;
  /** Pauses. Harmless while it does not run. */
  stop(): void;
  /** Ends for good; once it resolves, no ring or region of the link is touched any more. */
  remove(): Promise<void>;
}
