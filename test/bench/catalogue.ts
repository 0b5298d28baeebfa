/** All benchmarks, in the order in which they run. */
import type { Bench } from './bench';
import { migrationBench } from './migration/migration-bench';

export const BENCHES: readonly Bench[] = [migrationBench];
