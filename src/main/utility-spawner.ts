/** Engine processes as Electron utility processes: the lab's {@link Spawner} in the window. */
import { utilityProcess, type MessagePortMain, type UtilityProcess } from 'electron';
import type { HostProcessMessage } from '../contract/connection';
import type { ProcessExit, ProcessKind, SpawnedProcess, Spawner } from '../lab/process/spawner';

/** How much of a process's error output is kept for the sentence about its end. */
const LAST_WORDS_BYTES = 2000;

/** Starts `entryPath` once per process. */
export class UtilitySpawner implements Spawner {
  readonly #entryPath: string;

  constructor(entryPath: string) {
    this.#entryPath = entryPath;
  }

  spawn(kind: ProcessKind, name: string): SpawnedProcess {
    const serviceName = kind === 'host' ? `VMQ host ${name}` : 'VMQ fabric';
    const child = utilityProcess.fork(this.#entryPath, [kind, name], {
      serviceName,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    return new SpawnedUtility(child);
  }
}

class SpawnedUtility implements SpawnedProcess {
  readonly #child: UtilityProcess;
  readonly #exitListeners: ((exit: ProcessExit) => void)[] = [];
  #lastWords = '';
  #exit: ProcessExit | undefined;

  constructor(child: UtilityProcess) {
    this.#child = child;
    child.stderr?.on('data', (bytes: Buffer) => {
      this.#lastWords = (this.#lastWords + bytes.toString('utf8')).slice(-LAST_WORDS_BYTES);
      process.stderr.write(bytes);
    });
    child.once('exit', (code) => this.#ended(code));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  post(message: HostProcessMessage, transfer: readonly unknown[] = []): void {
    // Ports are the only thing that Electron can hand over; they come from the launcher itself.
    this.#child.postMessage(message, [...transfer] as MessagePortMain[]);
  }

  onMessage(listener: (message: unknown) => void): void {
    this.#child.on('message', listener);
  }

  onExit(listener: (exit: ProcessExit) => void): void {
    if (this.#exit === undefined) this.#exitListeners.push(listener);
    else listener(this.#exit);
  }

  /** Electron's own `kill` asks politely; a process that hangs must end too. */
  kill(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended a moment ago.
    }
  }

  #ended(code: number): void {
    const lastLine = this.#lastWords
      .trim()
      .split('\n')
      .reverse()
      .find((line) => /error/i.test(line));
    const how = `exit code ${String(code)}`;
    const reason = lastLine === undefined ? how : `${how}: ${lastLine.trim()}`;
    this.#exit = { code, signal: null, reason };
    for (const listener of this.#exitListeners) listener(this.#exit);
  }
}
