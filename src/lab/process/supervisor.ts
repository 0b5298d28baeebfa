/**
 * Keeps one engine process alive: starts it, brings it up, starts it again when it dies.
 *
 * ```
 *  state        what happens                                    next
 *  stopped      start()                                         starting
 *  starting     hello, open and restore answered                running
 *  starting     refused, or the process ended                   failed      start() rejects
 *  running      the process ended, or terminate()               restarting
 *  restarting   back-off is over, brought up again              running
 *  restarting   the process ended again                         restarting  longer back-off
 *  restarting   refused, or too many ends in the window         failed
 *  failed       start()                                         starting
 *  any          stop()                                          stopped
 * ```
 *
 * Never: from `failed` or `stopped` to `running` without `starting`; two processes at once.
 */
import type { ClientContext } from '@orpc/client';
import type { ContractRouterClient } from '@orpc/contract';
import type { RPCLink } from '@orpc/client/message-port';

import type { hostControlContract } from '../../contract/host';
import { CONTRACT_VERSION } from '../../contract/version';
import { RefusalError, refusalText } from '../../shared/refusal-error';
import { asRefusal, hostUnavailable } from '../refusals';
import { openControlLink, withDeadline, type ControlLink } from './control-link';
import type { ProcessExit, ProcessKind, SpawnedProcess, Spawner } from './spawner';

export type SupervisedState = 'starting' | 'running' | 'restarting' | 'failed' | 'stopped';

/** What every engine process understands. */
export type EngineControl = Pick<
  ContractRouterClient<typeof hostControlContract>,
  'hello' | 'close'
>;

/** When a process is started again, and for how long. */
export interface RestartPolicy {
  /** Wait before the first, second … restart; one end more within the window is a failure. */
  readonly delaysMs: readonly number[];
  readonly windowMs: number;
  /** How long a process may take to close before it is killed. */
  readonly closeMs: number;
  /** How long a command may take. */
  readonly commandMs: number;
}

export const RESTART_POLICY: RestartPolicy = {
  delaysMs: [250, 500, 1000, 2000, 4000],
  windowMs: 60_000,
  closeMs: 5000,
  commandMs: 30_000,
};

const HELLO_DEADLINE_MS = 20_000;

export interface SupervisorOptions<Control extends EngineControl> {
  readonly kind: ProcessKind;
  /** What people call it, e.g. `Host A`. */
  readonly name: string;
  readonly spawner: Spawner;
  readonly policy: RestartPolicy;
  createControl(link: RPCLink<ClientContext>): Control;
  /** Everything after hello: open, subscribe, restore. */
  bringUp(control: Control, link: ControlLink, isRestart: boolean): Promise<void>;
  /** Called after each change of state, with its cause. */
  onState(state: SupervisedState, cause: string): void;
}

interface Running<Control> {
  readonly process: SpawnedProcess;
  readonly link: ControlLink;
  readonly control: Control;
  readonly exited: Promise<ProcessExit>;
}

export class Supervisor<Control extends EngineControl> {
  readonly #options: SupervisorOptions<Control>;
  #state: SupervisedState = 'stopped';
  #reason = '';
  #restarts = 0;
  #pid: number | null = null;
  #contractVersion: number | null = null;
  #current: Running<Control> | undefined;
  #endsMs: number[] = [];
  #wakeBackOff: (() => void) | undefined;
  /** Resolves when every process that was killed has ended. */
  #ended: Promise<unknown> = Promise.resolve();
  readonly #lostListeners = new Set<(cause: string) => void>();

  constructor(options: SupervisorOptions<Control>) {
    this.#options = options;
  }

  get state(): SupervisedState {
    return this.#state;
  }

  /** Why it is in this state; empty while it runs. */
  get reason(): string {
    return this.#reason;
  }

  get restarts(): number {
    return this.#restarts;
  }

  get pid(): number | null {
    return this.#pid;
  }

  /** Contract version that the process speaks; null while there is none. */
  get contractVersion(): number | null {
    return this.#contractVersion;
  }

  /** The process's commands; refused with `host-unavailable` unless it is running. */
  get control(): Control {
    if (this.#state === 'running' && this.#current !== undefined) return this.#current.control;
    throw hostUnavailable(
      this.#options.name,
      this.#reason === '' ? `It is ${this.#state}.` : this.#reason,
    );
  }

  /** The process itself, for handing page connections to it; undefined unless it is running. */
  get process(): SpawnedProcess | undefined {
    return this.#state === 'running' ? this.#current?.process : undefined;
  }

  /** Calls `listener` once when the running process is lost; answers a function that forgets it. */
  onceLost(listener: (cause: string) => void): () => void {
    this.#lostListeners.add(listener);
    return () => this.#lostListeners.delete(listener);
  }

  /** Starts the process and brings it up. Rejects with the engine's refusal. Legal in: stopped, failed. */
  async start(): Promise<void> {
    if (this.#state !== 'stopped' && this.#state !== 'failed') return;
    this.#endsMs = [];
    this.#enter('starting', 'It is being started.');
    try {
      await this.#launch(false);
    } catch (error) {
      if (this.#is('starting')) this.#enter('failed', refusalText(asRefusal(error)));
      throw error;
    }
  }

  /**
   * Ends the process without asking, as if it had crashed; it is restarted. Resolves when it has
   * ended: until then it may still do something.
   */
  async terminate(cause: string): Promise<void> {
    const current = this.#current;
    if (current !== undefined) {
      this.#kill(current);
      this.#lost(current, cause);
    }
    await this.#ended;
  }

  /** Closes the process, kills it when it does not close in time, and waits for its end. */
  async stop(): Promise<void> {
    const current = this.#current;
    const wasRunning = this.#state === 'running';
    this.#current = undefined;
    if (this.#state !== 'stopped') this.#enter('stopped', 'It was stopped.');
    this.#wakeBackOff?.();
    if (current === undefined) return;
    const { closeMs } = this.#options.policy;
    try {
      if (wasRunning) await withDeadline(current.control.close(), closeMs, 'close');
    } catch {
      // It is killed below in any case; what it could not put in order ends with it.
    }
    current.link.close('It was stopped.');
    current.process.kill();
    await withDeadline(current.exited, closeMs, 'kill').catch(() => undefined);
  }

  async #launch(isRestart: boolean): Promise<void> {
    const { kind, name, spawner, policy } = this.#options;
    const process = spawner.spawn(kind, name);
    const link = openControlLink(process, name, policy.commandMs);
    const control = this.#options.createControl(link.link);
    const exited = new Promise<ProcessExit>((resolve) => process.onExit(resolve));
    const running: Running<Control> = { process, link, control, exited };
    this.#current = running;
    void exited.then((exit) => this.#lost(running, `Its process ended (${exit.reason}).`));
    try {
      const greeting = await withDeadline(
        control.hello({ contractVersion: CONTRACT_VERSION }),
        HELLO_DEADLINE_MS,
        'hello',
      );
      requireVersion(name, greeting.contractVersion);
      this.#pid = greeting.pid;
      this.#contractVersion = greeting.contractVersion;
      await this.#options.bringUp(control, link, isRestart);
      if (this.#current !== running) throw hostUnavailable(name, this.#reason);
      this.#enter('running', '');
    } catch (error) {
      if (this.#current === running) this.#current = undefined;
      this.#pid = null;
      this.#contractVersion = null;
      link.close('It could not be started.');
      this.#kill(running);
      throw link.toRefusal(error);
    }
  }

  #kill({ process, exited }: Running<Control>): void {
    process.kill();
    this.#ended = Promise.all([this.#ended, exited]);
  }

  /** The process of `running` is gone: whatever waits for it rejects, and it is started again. */
  #lost(running: Running<Control>, cause: string): void {
    running.link.close(cause);
    if (this.#current !== running) return;
    this.#current = undefined;
    this.#pid = null;
    if (this.#state !== 'running') return;
    this.#enter('restarting', cause);
    const listeners = [...this.#lostListeners];
    this.#lostListeners.clear();
    for (const listener of listeners) listener(cause);
    void this.#restart(cause);
  }

  async #restart(firstCause: string): Promise<void> {
    const { delaysMs, windowMs } = this.#options.policy;
    let cause = firstCause;
    for (;;) {
      const now = performance.now();
      this.#endsMs = [...this.#endsMs.filter((end) => now - end < windowMs), now];
      const delayMs = delaysMs[this.#endsMs.length - 1];
      if (delayMs === undefined) {
        const ends = this.#endsMs.length;
        this.#enter('failed', `${cause} It ended ${ends} times within ${windowMs / 1000} s.`);
        return;
      }
      await this.#backOff(delayMs);
      await this.#ended;
      if (!this.#is('restarting')) return;
      this.#restarts += 1;
      try {
        await this.#launch(true);
        return;
      } catch (error) {
        if (!this.#is('restarting')) return;
        cause = refusalText(asRefusal(error));
        if (!(error instanceof RefusalError) || error.refusal.code !== 'host-unavailable') {
          this.#enter('failed', cause);
          return;
        }
      }
    }
  }

  #backOff(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      this.#wakeBackOff = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Compares with the state as it is now: other calls may have changed it during an `await`. */
  #is(state: SupervisedState): boolean {
    return this.#state === state;
  }

  #enter(state: SupervisedState, cause: string): void {
    this.#state = state;
    this.#reason = cause;
    if (state !== 'running') {
      this.#pid = null;
      this.#contractVersion = null;
    }
    this.#options.onState(state, cause);
  }
}

function requireVersion(name: string, found: number): void {
  if (found === CONTRACT_VERSION) return;
  throw new RefusalError({
    code: 'contract-version',
    what: `${name} speaks another contract version.`,
    why: `Expected version ${CONTRACT_VERSION}, found ${found}.`,
    remedy: 'Reinstall VMQ Console so that all of its programs have the same version.',
  });
}
