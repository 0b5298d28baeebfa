/** Looks at the processes of this machine, for tests that count what is left. Linux only: it reads `/proc`. */
import { readdirSync, readFileSync } from 'node:fs';

interface ProcessStatus {
  pid: number;
  parent: number;
  /** `Z` is a process that has ended and waits for its parent to notice. */
  state: string;
}

/** What `/proc/PID/stat` says; undefined when the process is gone. */
function statusOf(pid: number): ProcessStatus | undefined {
  let line: string;
  try {
    line = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The name comes in parentheses and may contain anything, so fields are counted from its end.
  const [state = '', parent = ''] = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return { pid, parent: Number(parent), state };
}

/** Ids of all running processes that descend from `pid`, without itself. */
export function descendantsOf(pid: number): number[] {
  const statuses = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => statusOf(Number(name)) ?? [])
    .filter(({ state }) => state !== 'Z');
  const found: number[] = [];
  let generation = [pid];
  while (generation.length > 0) {
    const parents = new Set(generation);
    generation = statuses.filter(({ parent }) => parents.has(parent)).map((child) => child.pid);
    found.push(...generation);
  }
  return found;
}

/** Those of `pids` that still run. */
export function stillRunning(pids: readonly number[]): number[] {
  return pids.filter((pid) => {
    const status = statusOf(pid);
    return status !== undefined && status.state !== 'Z';
  });
}
