/** What a benchmark is: a name, and a run that yields its results one by one. */
import type { BenchResult } from './result';

export interface BenchContext {
  /** Pairs of measurements of each case; of `migration`: migrations of each case. */
  readonly rounds: number;
  /** Length of one measurement. */
  readonly seconds: number;
  /** Only cases whose name contains this; '' for all. */
  readonly caseFilter: string;
  /** One line of progress, for people. */
  readonly log: (line: string) => void;
}

export interface Bench {
  readonly name: string;
  /** What is measured, in one line. */
  readonly title: string;
  /** Yields nothing when a peer is absent, after one line of why. */
  readonly run: (context: BenchContext) => AsyncIterable<BenchResult>;
}

export function isWanted(context: BenchContext, caseName: string): boolean {
  return caseName.includes(context.caseFilter);
}
