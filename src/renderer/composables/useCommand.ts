/** Runs a command once at a time and keeps its failure beside the form or panel that started it. */
import { shallowRef, type ShallowRef } from 'vue';
import { problemOf, type Problem } from '../rpc';

export interface Command {
  readonly isBusy: ShallowRef<boolean>;
  readonly problem: ShallowRef<Problem | null>;
  /** True when it went well. */
  run: (action: () => Promise<unknown>) => Promise<boolean>;
}

export function useCommand(): Command {
  const isBusy = shallowRef(false);
  const problem = shallowRef<Problem | null>(null);

  async function run(action: () => Promise<unknown>): Promise<boolean> {
    if (isBusy.value) return false;
    isBusy.value = true;
    problem.value = null;
    try {
      await action();
      return true;
    } catch (error) {
      problem.value = problemOf(error);
      return false;
    } finally {
      isBusy.value = false;
    }
  }

  return { isBusy, problem, run };
}
