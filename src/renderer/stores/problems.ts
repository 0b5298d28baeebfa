/** Failed actions that no form shows; each stays until the reader dismisses it. */
import { acceptHMRUpdate, defineStore } from 'pinia';
import { shallowRef } from 'vue';
import { problemOf, type Problem } from '../rpc';

const SHOWN_PROBLEMS = 3;

export interface ShownProblem {
  readonly id: number;
  readonly problem: Problem;
}

export const useProblemsStore = defineStore('problems', () => {
  const problems = shallowRef<readonly ShownProblem[]>([]);
  let nextId = 1;

  function report(error: unknown): void {
    const shown = { id: nextId, problem: problemOf(error) };
    nextId += 1;
    problems.value = [...problems.value, shown].slice(-SHOWN_PROBLEMS);
  }

  function dismiss(id: number): void {
    problems.value = problems.value.filter((shown) => shown.id !== id);
  }

  /** Runs an action and shows its failure. True when it went well. */
  async function attempt(action: () => Promise<unknown>): Promise<boolean> {
    try {
      await action();
      return true;
    } catch (error) {
      report(error);
      return false;
    }
  }

  return { problems, report, dismiss, attempt };
});

if (import.meta.hot) import.meta.hot.accept(acceptHMRUpdate(useProblemsStore, import.meta.hot));
