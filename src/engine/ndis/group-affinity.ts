/**
 * GROUP_AFFINITY: a processor group and a mask of the 64 processors in it (`docs/vmq-reference.md`
 * §3.5). Logical processor `p` of the machine is bit `p % 64` of group `p / 64`.
 */

/** Processors per group. */
export const PROCESSORS_PER_GROUP = 64;

/** A set of processors of one group. */
export interface GroupAffinity {
  readonly group: number;
  /** Bit n stands for processor n of the group; 64 bits wide. */
  readonly mask: bigint;
}

/** The affinity to exactly one logical processor. */
export function affinityOf(processor: number): GroupAffinity {
  return {
    group: Math.floor(processor / PROCESSORS_PER_GROUP),
    mask: 1n << BigInt(processor % PROCESSORS_PER_GROUP),
  };
}

/** The logical processors of an affinity, lowest first. A queue is served by the first (§3.10). */
export function processorsOf(affinity: GroupAffinity): readonly number[] {
  const first = affinity.group * PROCESSORS_PER_GROUP;
  return Array.from({ length: PROCESSORS_PER_GROUP }, (_, bit) => bit)
    .filter((bit) => ((affinity.mask >> BigInt(bit)) & 1n) === 1n)
    .map((bit) => first + bit);
}

/** `group:mask`, as a debugger prints it: `0:0x10`. */
export function formatAffinity(affinity: GroupAffinity): string {
  return `${affinity.group}:0x${affinity.mask.toString(16)}`;
}

/** Whether two affinities name the same processors. */
export function sameAffinity(one: GroupAffinity, other: GroupAffinity): boolean {
  return one.group === other.group && one.mask === other.mask;
}
