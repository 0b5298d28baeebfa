/**
 * Keeps one connection alive: opens it, runs it until it ends, waits a little longer after each failure,
 * and opens it again. It stops for good when it is told to or when the other side speaks another contract.
 */
import { problemOf, type Problem } from './problem';

const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 5000;

export type ConnectionPhase = 'connecting' | 'connected' | 'waiting' | 'refused' | 'stopped';

export interface ConnectionStatus {
  readonly phase: ConnectionPhase;
  /** Failures since it was last connected. */
  readonly failures: number;
  /** Why it is not connected; null when it is or was never tried. */
  readonly problem: Problem | null;
  readonly sinceMs: number;
}

export interface SuperviseOptions {
  /** Opens and runs the connection; calls `connected` when it is usable; settles when it has ended. */
  readonly run: (signal: AbortSignal, connected: () => void) => Promise<void>;
  readonly onStatus?: (status: ConnectionStatus) => void;
  /** Replaced by tests. */
  readonly wait?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/** Starts at once; the answer stops it. */
export function supervise(options: SuperviseOptions): () => void {
  const stop = new AbortController();
  void loop(options, stop.signal);
  return () => stop.abort();
}

export function waitAfter(failures: number): number {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.max(0, failures - 1));
}

async function loop(options: SuperviseOptions, stopped: AbortSignal): Promise<void> {
  let failures = 0;
  let problem: Problem | null = null;
  const report = (phase: ConnectionPhase): void =>
    options.onStatus?.({ phase, failures, problem, sinceMs: Date.now() });
  const isStopped = (): boolean => stopped.aborted;
  while (!isStopped()) {
    report('connecting');
    const attempt = new AbortController();
    const endAttempt = (): void => attempt.abort();
    stopped.addEventListener('abort', endAttempt, { once: true });
    try {
      await options.run(attempt.signal, () => {
        failures = 0;
        problem = null;
        report('connected');
      });
    } catch (error) {
      problem = problemOf(error);
    } finally {
      stopped.removeEventListener('abort', endAttempt);
      attempt.abort();
    }
    if (isStopped()) break;
    if (problem?.code === 'contract-version') {
      report('refused');
      return;
    }
    failures += 1;
    report('waiting');
    await (options.wait ?? waitUnlessAborted)(waitAfter(failures), stopped);
  }
  report('stopped');
}

function waitUnlessAborted(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done, { once: true });
  });
}
