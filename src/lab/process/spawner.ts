/**
 * How the lab starts engine processes. A launcher injects a {@link Spawner}: Electron main starts
 * utility processes, browser mode and the lab runner start child processes with `NodeSpawner`. The
 * entry file is the same; it gets the kind and the name as its first two arguments.
 */
import type { HostProcessMessage } from '../../contract/connection';

export type ProcessKind = 'host' | 'fabric';

/** How a process ended. `reason` is one sentence for people: exit code, signal, last words. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: string | null;
  readonly reason: string;
}

export interface SpawnedProcess {
  /** Undefined until the system has started it. */
  readonly pid: number | undefined;
  /** Sends a message; `transfer` holds ports (Electron) or one socket (Node). Throws when the process is gone. */
  post(message: HostProcessMessage, transfer?: readonly unknown[]): void;
  /** Messages of the process, as they came: the listener validates them. */
  onMessage(listener: (message: unknown) => void): void;
  /** Called once, also when the process could not be started. */
  onExit(listener: (exit: ProcessExit) => void): void;
  /** Ends the process at once. Harmless when it has ended. */
  kill(): void;
}

export interface Spawner {
  spawn(kind: ProcessKind, name: string): SpawnedProcess;
}
