/** What the routers of both kinds of process have in common. */
import type { LifeCycle } from './life-cycle';
import type { EventFeed } from './streams';

/** What the procedures of a process work with. */
export interface ProcessParts<Engine> {
  readonly engine: Engine;
  readonly life: LifeCycle;
  readonly events: EventFeed;
  /** Stops everything, once. */
  readonly close: () => Promise<void>;
  /** Called once everything is stopped; the answer is still on its way then. */
  readonly onClosed: () => void;
}

/** A command's empty answer, once it is carried out. */
export async function done(command: Promise<void>): Promise<Record<string, never>> {
  await command;
  return {};
}
