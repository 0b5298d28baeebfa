/** Child processes of a benchmark: ended with it, and heard when they fail. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import { onExit } from './exit-hooks';

const END_MS = 3000;

export interface RunningChild {
  readonly process: ChildProcess;
  /** The last few thousand characters that it printed, both streams. */
  output(): string;
  /** Asks it to end, then ends it. */
  end(): Promise<void>;
}

/** Starts a program. What it prints is kept for the message when it fails. */
export function startChild(program: string, args: readonly string[]): RunningChild {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const forget = onExit(() => child.kill('SIGKILL'));
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed = (printed + text).slice(-8000);
    });
  child.stdin.on('error', () => undefined);
  child.on('error', (error) => {
    printed += error.message;
  });
  return {
    process: child,
    output: () => printed,
    end: async () => {
      if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
        const exited = once(child, 'exit');
        child.kill('SIGTERM');
        const timer = setTimeout(() => child.kill('SIGKILL'), END_MS);
        await exited;
        clearTimeout(timer);
      }
      forget();
    },
  };
}

/** Whether a program is on the path. */
export function hasProgram(program: string): boolean {
  const found = spawnSync('sh', ['-c', 'command -v -- "$1"', 'sh', program], { stdio: 'ignore' });
  return found.status === 0;
}

/** Runs a short command to its end. @throws Error with what it printed when it fails. */
export function runCommand(program: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (error) throw error;
  if (status !== 0)
    throw new Error(`${program} ${args.join(' ')} ended with ${String(status)}: ${stderr.trim()}`);
  return stdout;
}

/** Waits until `condition` holds. @throws Error after `timeoutMs` */
export async function waitUntil(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 15_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
