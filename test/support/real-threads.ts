/** Engine threads that are real workers, for a `TestHost` without a host process around it. */
import { spawnWorker } from '../../src/engine-host/spawn-worker';
import { monotonicClock } from '../../src/engine/thread/clock';
import type { ThreadDriver } from './inline-host';

export class RealThreads implements ThreadDriver {
  readonly createWorker = spawnWorker;
  readonly #clock = monotonicClock();

  get nowNs(): number {
    return this.#clock();
  }

  /** They run by themselves. */
  drive<Result>(work: Promise<Result>): Promise<Result> {
    return work;
  }
}
