/**
 * Seeds of random tests. A seed is new in each run and printed, so that what it did can be repeated:
 *
 *     VMQ_SEED=123 npx vitest run --project unit test/engine/conformance/appendix-a-frames.test.ts
 *
 * VMQ_EFFORT multiplies the number of runs (default 1).
 */
const SEEDS = 2 ** 31;

/** The seed of VMQ_SEED, else a new one. Prints it with the name of the test. */
export function announcedSeed(test: string): number {
  const wanted = Number(process.env['VMQ_SEED'] ?? Number.NaN);
  const seed = Number.isInteger(wanted) ? wanted : Math.floor(Math.random() * SEEDS);
  console.info(`${test}: seed ${seed} (VMQ_SEED=${seed} repeats it)`);
  return seed;
}

/** `runs`, times VMQ_EFFORT. */
export function withEffort(runs: number): number {
  const effort = Number(process.env['VMQ_EFFORT'] ?? 1);
  return Math.max(1, Math.round(runs * (Number.isFinite(effort) ? effort : 1)));
}
