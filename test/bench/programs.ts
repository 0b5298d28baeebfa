/** The other programs of the bundle, which stand beside the one that runs. */
import { fork, type ChildProcess } from 'node:child_process';
import { dirname, join } from 'node:path';

import { onExit } from './exit-hooks';

/** Path of a program by its name in `vite.config.mts`. */
export function programPath(name: string): string {
  return join(dirname(process.argv[1] ?? ''), `${name}.js`);
}

/** A forked program that ends with this one. */
export interface ForkedProgram {
  readonly process: ChildProcess;
  /** Its next message. @throws Error when it ends first. */
  nextMessage(): Promise<unknown>;
  end(): void;
}

export function forkProgram(name: string, args: readonly string[]): ForkedProgram {
  const child = fork(programPath(name), [...args]);
  const end = onExit(() => child.kill('SIGKILL'));
  return {
    process: child,
    nextMessage: () =>
      new Promise((resolve, reject) => {
        const onEnd = (): void => {
          child.off('message', onMessage);
          reject(new Error(`${name} ended before it answered`));
        };
        const onMessage = (message: unknown): void => {
          child.off('exit', onEnd);
          resolve(message);
        };
        child.once('message', onMessage);
        child.once('exit', onEnd);
      }),
    end,
  };
}
