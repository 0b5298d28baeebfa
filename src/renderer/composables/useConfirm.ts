/** One question at a time, asked in a dialog before something is lost; `ConfirmDialog` shows it. */
import { shallowRef, type ShallowRef } from 'vue';

export interface Question {
  readonly title: string;
  /** What goes. */
  readonly goes: string;
  /** What stays; empty when nothing needs saying. */
  readonly stays: string;
  /** Word on the button that does it. */
  readonly accept: string;
  /** Word on the button that leaves everything as it is; “Cancel” when left out. */
  readonly refuse?: string;
}

interface OpenQuestion extends Question {
  readonly answer: (accepted: boolean) => void;
}

const open: ShallowRef<OpenQuestion | null> = shallowRef(null);

export interface Confirm {
  readonly question: ShallowRef<OpenQuestion | null>;
  /** Answers whether the reader accepted. */
  ask: (question: Question) => Promise<boolean>;
  answer: (accepted: boolean) => void;
}

export function useConfirm(): Confirm {
  return {
    question: open,
    ask: (question) =>
      new Promise((resolve) => {
        open.value?.answer(false);
        open.value = { ...question, answer: resolve };
      }),
    answer: (accepted) => {
      open.value?.answer(accepted);
      open.value = null;
    },
  };
}
