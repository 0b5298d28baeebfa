/**
 * The fabric's account of its frames: entered + copiesMade = delivered + dropped + held.
 *
 * A frame has *entered* once the fabric thread has taken it from a port's ring, and is *delivered*
 * once it lies in the ring of a port that it goes to; how long a socket takes to carry it away is
 * the link's matter. A turn finishes every frame that it takes, so nothing is ever *held* between
 * two turns, and the figure is 0 by construction.
 */
import type { FabricReport } from '../../contract';
import {
  CT_COPIES,
  CT_DROPS,
  CT_FROM_WIRE,
  CT_TO_WIRE,
  DROP_REASON_COUNT,
  T_COUNTERS,
} from '../kernel/layout';
import type { MemoryViews } from '../memory/host-memory';

export type FabricConservation = Pick<
  FabricReport,
  'entered' | 'copiesMade' | 'delivered' | 'dropped' | 'held' | 'holds'
>;

/** Readings until one falls between two turns of a busy fabric thread. */
const MOST_READINGS = 1000;

/**
 * Reads the counters of the fabric thread. They are written during a turn; a reading that catches a
 * turn half done is taken again.
 * @param settle waits until the thread is between two turns.
 */
export async function readConservation(
  views: MemoryViews,
  thread: number,
  settle: () => Promise<unknown>,
): Promise<FabricConservation> {
  for (let readings = 1; ; readings++) {
    await settle();
    const before = read(views, thread);
    const after = read(views, thread);
    const isStill = before.entered === after.entered && before.delivered === after.delivered;
    if ((isStill && after.holds) || readings === MOST_READINGS) return after;
  }
}

function read(views: MemoryViews, thread: number): FabricConservation {
  const counter = (number: number): number => views.getCounter(thread + T_COUNTERS + number * 8);
  const entered = counter(CT_FROM_WIRE);
  const copiesMade = counter(CT_COPIES);
  const delivered = counter(CT_TO_WIRE);
  let dropped = 0;
  for (let reason = 0; reason < DROP_REASON_COUNT; reason++) dropped += counter(CT_DROPS + reason);
  const held = 0;
  const holds = entered + copiesMade === delivered + dropped + held;
  return { entered, copiesMade, delivered, dropped, held, holds };
}
