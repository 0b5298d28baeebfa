/**
 * Which NICs have the queues of an adapter when there are not enough for all. Pure.
 *
 * Heavier ones first; among equals those that have a queue, then who asked first. So a heavier
 * newcomer takes the queue of the lightest, never of an equal, and a freed queue goes to the heaviest
 * that waits. The reference leaves the weight's effect open (`docs/vmq-reference.md` §10.2, §11 point 25).
 */

/** A NIC that wants a queue. */
export interface QueueCandidate {
  /** Identifies the NIC; unique among the candidates. */
  readonly nicIndex: number;
  /** 1 to 100. */
  readonly weight: number;
  /** Whether it has a queue now, or one is kept for it. */
  readonly hasQueue: boolean;
  /** Rises with each NIC that came. */
  readonly asked: number;
  /** Receive filters that its queue needs: one for each MAC address. */
  readonly filters: number;
}

/** What an adapter has to give. */
export interface QueueSupply {
  readonly queues: number;
  readonly filters: number;
}

/** NICs that have, or get, a queue. One whose filters do not fit lets the next one go first. */
export function chooseHolders(
  candidates: readonly QueueCandidate[],
  supply: QueueSupply,
): ReadonlySet<number> {
  const holders = new Set<number>();
  let filters = supply.filters;
  for (const candidate of [...candidates].sort(byClaim)) {
    if (holders.size >= supply.queues) break;
    if (candidate.filters > filters) continue;
    filters -= candidate.filters;
    holders.add(candidate.nicIndex);
  }
  return holders;
}

function byClaim(one: QueueCandidate, other: QueueCandidate): number {
  return (
    other.weight - one.weight ||
    Number(other.hasQueue) - Number(one.hasQueue) ||
    one.asked - other.asked
  );
}
