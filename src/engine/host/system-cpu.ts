/** Processor time of threads by the system's account: the cross-check of what threads say of themselves. */
import { readFileSync } from 'node:fs';

/** CPU time of a thread by the scheduler's account, or -1 where it cannot be read. */
export function systemCpuNs(threadId: number): number {
  if (threadId < 0) return -1;
  try {
    return Number(readFileSync(`/proc/self/task/${threadId}/schedstat`, 'latin1').split(' ')[0]);
  } catch {
    return -1;
  }
}
