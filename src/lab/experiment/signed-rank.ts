/**
 * The exact signed-rank test for paired measurements (Wilcoxon, Individual comparisons by ranking
 * methods, 1945): if two modes do not differ, each pair could as well have come out the other way
 * round. So the sum of the signed ranks is compared with the sums under every choice of signs. It
 * needs no assumption about how the noise is distributed, only that it does not favour a side, which
 * is why modes take turns. Ranks, since a machine that is busy for a moment makes one pair very large.
 */

/** Up to here every choice of signs is tried: half a million sums. */
const EXACT_PAIRS = 20;
/** Choices that are drawn for more pairs. */
const DRAWS = 1 << 16;

/**
 * How often chance alone makes the differences of pairs lean to one side as much as they do, either
 * way; 1 without a difference. The same differences always give the same answer.
 */
export function signedRankPValue(differences: readonly number[]): number {
  const ranks = signedRanks(differences.filter((difference) => difference !== 0));
  if (ranks.length === 0) return 1;
  const limit = Math.abs(sumOf(ranks));
  return ranks.length <= EXACT_PAIRS ? exactShare(ranks, limit) : drawnShare(ranks, limit);
}

/** Ranks of the sizes, from 1 on, with the signs of the values; equal sizes share their mean rank. */
function signedRanks(values: readonly number[]): number[] {
  const sizes = values.map((value) => Math.abs(value)).sort((one, other) => one - other);
  return values.map((value) => {
    const size = Math.abs(value);
    // Twice the mean of the first and the last place: whole numbers, so that sums are exact.
    const rank = sizes.indexOf(size) + sizes.lastIndexOf(size) + 2;
    return value < 0 ? -rank : rank;
  });
}

/** The first sign stays: the other half mirrors this one. Gray code: one sign changes at each step. */
function exactShare(ranks: readonly number[], limit: number): number {
  const choices = 2 ** (ranks.length - 1);
  const signed = Float64Array.from(ranks);
  let sum = sumOf(ranks);
  let extreme = 1;
  for (let choice = 1; choice < choices; choice++) {
    const flipped = 32 - Math.clz32(choice & -choice);
    const rank = signed[flipped] ?? 0;
    sum -= 2 * rank;
    signed[flipped] = -rank;
    if (Math.abs(sum) >= limit) extreme++;
  }
  return extreme / choices;
}

/** What was seen counts among the choices that are drawn, so that the answer is never 0. */
function drawnShare(ranks: readonly number[], limit: number): number {
  let state = 0x9e3779b9;
  let extreme = 1;
  for (let draw = 0; draw < DRAWS; draw++) {
    let sum = 0;
    for (const rank of ranks) {
      // xorshift32: a fixed sequence, so that a result can be computed again.
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      sum += state < 0 ? -rank : rank;
    }
    if (Math.abs(sum) >= limit) extreme++;
  }
  return extreme / (DRAWS + 1);
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
