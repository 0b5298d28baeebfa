/** Runs a built program of this repository as a child process and watches what it prints. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

import { REPOSITORY_ROOT } from './repository';

const STOP_TIMEOUT_MS = 15_000;

export interface ChildProgram {
  process: ChildProcessByStdio<null, Readable, Readable>;
  /** Everything printed so far, both streams. */
  output: () => string;
  /** The first text that matches the pattern; rejects with the output when the program ends or time is up. */
  waitForOutput: (pattern: RegExp, timeoutMs: number) => Promise<string>;
  /** Asks the program to end, kills it when it does not, and answers with its exit code. */
  stop: (signal?: 'SIGINT' | 'SIGTERM') => Promise<number | null>;
}

/** Starts `out/main/<name>.js` with this Node. */
export function startBuiltProgram(name: string, args: readonly string[]): ChildProgram {
  const script = join(REPOSITORY_ROOT, 'out', 'main', `${name}.js`);
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  }

  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;

  return {
    process: child,
    output: () => printed,
    waitForOutput: async (pattern, timeoutMs) => {
      const deadline = Date.now() + timeoutMs;
      for (;;) {
        const match = pattern.exec(printed);
        if (match !== null) return match[0];
        if (hasEnded()) throw new Error(`${name} ended before ${String(pattern)}:\n${printed}`);
        if (Date.now() > deadline)
          throw new Error(`${name} never said ${String(pattern)}:\n${printed}`);
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    },
    stop: async (signal = 'SIGTERM') => {
      if (!hasEnded()) {
        const exited = once(child, 'exit');
        child.kill(signal);
        const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
        await exited;
        clearTimeout(timer);
      }
      return child.exitCode;
    },
  };
}
