/** Puts a text on the clipboard, says so for a moment, and reports it when the system does not let it. */
import { useTimeoutFn } from '@vueuse/core';
import { shallowRef, type ShallowRef } from 'vue';
import { ProblemError } from '../rpc';
import { useProblemsStore } from '../stores/problems';

const SAID_FOR_MS = 2500;

export interface Copy {
  readonly isCopied: ShallowRef<boolean>;
  /** True when it is on the clipboard. */
  copy: (text: string) => Promise<boolean>;
}

export function useCopy(): Copy {
  const problems = useProblemsStore();
  const isCopied = shallowRef(false);
  const { start } = useTimeoutFn(() => (isCopied.value = false), SAID_FOR_MS, { immediate: false });

  async function copy(text: string): Promise<boolean> {
    const done = await problems.attempt(async () => {
      try {
        await navigator.clipboard.writeText(text);
      } catch (error) {
        throw new ProblemError({
          code: 'clipboard',
          what: 'It was not copied.',
          why: error instanceof Error ? error.message : String(error),
          remedy: 'Allow this page to write to the clipboard, or select the text and copy it.',
        });
      }
    });
    isCopied.value = done;
    if (done) start();
    return done;
  }

  return { isCopied, copy };
}
