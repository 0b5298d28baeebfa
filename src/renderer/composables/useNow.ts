import { shallowRef, type ShallowRef } from 'vue';

const now = shallowRef(Date.now());
let timer: ReturnType<typeof setInterval> | undefined;

/** The time, once a second: one clock for the whole page, started by its first reader. */
export function useNow(): ShallowRef<number> {
  timer ??= setInterval(() => (now.value = Date.now()), 1000);
  return now;
}
