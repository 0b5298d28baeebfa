/** Sums over the counter blocks of all engine threads of a process. */
import { DROP_REASONS } from '../../contract/drop-reasons';
import type { Conservation, Drops } from '../../contract/report';
import {
  CT_ANNOUNCED,
  CT_COPIES,
  CT_DROPS,
  CT_FROM_VMS,
  CT_FROM_WIRE,
  CT_TO_VMS,
  CT_TO_WIRE,
  T_COUNTERS,
} from '../kernel/layout';
import type { MemoryViews } from '../memory/host-memory';

/** Sum of one counter over thread blocks. */
export function sumCounter(views: MemoryViews, blocks: readonly number[], counter: number): number {
  return blocks.reduce((sum, block) => sum + views.getCounter(block + T_COUNTERS + counter * 8), 0);
}

/** Frames dropped over thread blocks, by reason; reasons that did not occur are left out. */
export function sumDrops(views: MemoryViews, blocks: readonly number[]): Drops {
  const drops: Drops = {};
  for (const [index, { code }] of DROP_REASONS.entries()) {
    const frames = sumCounter(views, blocks, CT_DROPS + index);
    if (frames > 0) drops[code] = frames;
  }
  return drops;
}

export function totalDrops(drops: Drops): number {
  return Object.values(drops).reduce((sum, frames) => sum + frames, 0);
}

/** Of these, the frames that somebody misses. */
export function lostFrames(drops: Drops): number {
  return DROP_REASONS.reduce((sum, { code, isLoss }) => sum + (isLoss ? (drops[code] ?? 0) : 0), 0);
}

/** The conservation block over thread blocks. `held` is counted in rings and hold lists by the caller. */
export function conservation(
  views: MemoryViews,
  blocks: readonly number[],
  held: number,
): Conservation {
  const sum = (counter: number): number => sumCounter(views, blocks, counter);
  const entered = {
    fromWire: sum(CT_FROM_WIRE),
    fromVms: sum(CT_FROM_VMS),
    announced: sum(CT_ANNOUNCED),
  };
  const copiesMade = sum(CT_COPIES);
  const delivered = { toVms: sum(CT_TO_VMS), toWire: sum(CT_TO_WIRE) };
  const dropped = sumDrops(views, blocks);
  const credit = entered.fromWire + entered.fromVms + entered.announced + copiesMade;
  const debit = delivered.toVms + delivered.toWire + totalDrops(dropped) + held;
  return { entered, copiesMade, delivered, dropped, held, holds: credit === debit };
}
