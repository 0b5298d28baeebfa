/**
 * Engine processes as children of plain Node (browser mode, lab runner, tests). The parent channel
 * uses the advanced serialization, so that RPC messages keep their bytes. A child is in a process
 * group of its own: Ctrl-C in a terminal reaches the launcher alone, which then closes its lab. The
 * engine entry ends itself when the parent channel closes, so a killed launcher leaves nothing behind.
 */
import { fork, type ChildProcess, type SendHandle } from 'node:child_process';

import { z } from 'zod';

import type { HostProcessMessage } from '../../contract/connection';
import type { ProcessExit, ProcessKind, SpawnedProcess, Spawner } from './spawner';

/** How much of a process's error output is kept for the sentence about its end. */
const LAST_WORDS_BYTES = 2000;

export interface NodeSpawnerOptions {
  /** Where the children's error output goes as well; nowhere by default. */
  readonly errorOutput?: NodeJS.WritableStream;
}

/** Starts `entryPath` with Node, once per process. */
export class NodeSpawner implements Spawner {
  readonly #entryPath: string;
  readonly #options: NodeSpawnerOptions;
  readonly #living = new Set<ChildProcess>();
  readonly #killAll = (): void => {
    for (const child of this.#living) child.kill('SIGKILL');
  };

  constructor(entryPath: string, options: NodeSpawnerOptions = {}) {
    this.#entryPath = entryPath;
    this.#options = options;
  }

  spawn(kind: ProcessKind, name: string): SpawnedProcess {
    const child = fork(this.#entryPath, [kind, name], {
      serialization: 'advanced',
      detached: process.platform !== 'win32',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#track(child);
    return new NodeProcess(child, this.#options.errorOutput);
  }

  /** Children must not outlive a launcher that ends without closing its lab. */
  #track(child: ChildProcess): void {
    if (this.#living.size === 0) process.on('exit', this.#killAll);
    this.#living.add(child);
    child.once('close', () => {
      this.#living.delete(child);
      if (this.#living.size === 0) process.off('exit', this.#killAll);
    });
  }
}

class NodeProcess implements SpawnedProcess {
  readonly #child: ChildProcess;
  #lastWords = '';
  #exit: ProcessExit | undefined;
  readonly #exitListeners: ((exit: ProcessExit) => void)[] = [];

  constructor(child: ChildProcess, errorOutput: NodeJS.WritableStream | undefined) {
    this.#child = child;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-LAST_WORDS_BYTES);
      errorOutput?.write(text);
    });
    child.once('error', (error) => this.#ended(null, null, error.message));
    // `close` rather than `exit`: by then the last words have been read.
    child.once('close', (code, signal) => this.#ended(code, signal, this.#lastWords));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  post(message: HostProcessMessage, transfer: readonly unknown[] = []): void {
    // A socket is the only thing that Node can hand over; it comes from the launcher itself.
    const socket = transfer[0] as SendHandle | undefined;
    if (socket !== undefined) stopReading(socket);
    // The end of the process is reported by `onExit`; what was sent too late is lost with it.
    this.#child.send(message, socket, () => undefined);
  }

  onMessage(listener: (message: unknown) => void): void {
    this.#child.on('message', listener);
  }

  onExit(listener: (exit: ProcessExit) => void): void {
    if (this.#exit === undefined) this.#exitListeners.push(listener);
    else listener(this.#exit);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #ended(code: number | null, signal: string | null, words: string): void {
    if (this.#exit !== undefined) return;
    this.#exit = { code, signal, reason: exitReason(code, signal, words) };
    for (const listener of this.#exitListeners) listener(this.#exit);
  }
}

/**
 * Stops reading a socket at once. Node keeps a socket that it hands over open here until the child has
 * confirmed it, and goes on reading: what the page sends meanwhile would be thrown away. `pause()` would
 * come too late, since it lets the next bytes in before it ends the reading.
 */
function stopReading(socket: object): void {
  const { _handle: handle } = socket as { _handle?: { readStop?: () => void } | null };
  handle?.readStop?.();
}

function exitReason(code: number | null, signal: string | null, words: string): string {
  const how =
    signal !== null
      ? `ended by ${signal}`
      : code !== null
        ? `exit code ${code}`
        : 'it could not be started';
  const last = lastError(words);
  return last === '' ? how : `${how}: ${last}`;
}

const logLineSchema = z.object({
  msg: z.string(),
  err: z.object({ message: z.string() }).optional(),
});

/** The last error among the last words: a line of the engine's JSON log, or of Node's own output. */
function lastError(words: string): string {
  const line = words
    .split('\n')
    .reverse()
    .find((candidate) => /error|"err"/i.test(candidate));
  if (line === undefined) return '';
  try {
    const { msg, err } = logLineSchema.parse(JSON.parse(line));
    return err === undefined ? msg : `${msg}: ${err.message}`;
  } catch {
    return line.trim();
  }
}
