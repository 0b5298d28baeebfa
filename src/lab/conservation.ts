/** Conservation over several hosts: entered + copies made = delivered + dropped + held, to the frame. */
import type { Conservation, Drops } from '../contract/report';
import { DROP_REASONS } from '../contract/drop-reasons';

/** The sum of all blocks. It holds when every block holds. */
export function sumConservation(blocks: readonly Conservation[]): Conservation {
  const total = (figure: (block: Conservation) => number): number =>
    blocks.reduce((sum, block) => sum + figure(block), 0);
  return {
    entered: {
      fromWire: total((block) => block.entered.fromWire),
      fromVms: total((block) => block.entered.fromVms),
      announced: total((block) => block.entered.announced),
    },
    copiesMade: total((block) => block.copiesMade),
    delivered: {
      toVms: total((block) => block.delivered.toVms),
      toWire: total((block) => block.delivered.toWire),
    },
    dropped: sumDrops(blocks.map((block) => block.dropped)),
    held: total((block) => block.held),
    holds: blocks.every((block) => block.holds),
  };
}

function sumDrops(all: readonly Drops[]): Drops {
  const sum: Drops = {};
  for (const { code } of DROP_REASONS) {
    const frames = all.reduce((total, drops) => total + (drops[code] ?? 0), 0);
    if (frames > 0) sum[code] = frames;
  }
  return sum;
}
