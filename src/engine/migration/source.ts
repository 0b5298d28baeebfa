/**
 * One outgoing migration from start to end, at its source. It runs on its own, however slowly its
 * progress is read. Control thread.
 *
 * ```
 * const outgoing = new OutgoingMigration({ vm, kernel, memory, socketPath, token, signal, now });
 * for await (const progress of outgoing.progress()) …   // ends after `ready`, or throws the refusal
 * outgoing.finish();           // the lab has committed and the target runs: remove the VM here
 * await outgoing.cancel();     // or not: the VM runs on here
 * ```
 */
import type { MigrationProgress } from '../../contract/migration';
import { RefusalError, refusalText } from '../../shared/refusal-error';
import type { HostMemory } from '../memory/host-memory';
import type { Clock } from '../thread/clock';
import type { Kernel } from '../thread/kernel';
import type { OutgoingVm } from './endpoints';
import { ProgressFeed } from './progress-feed';
import { migrationCancelled, migrationFailed, reasonOf, wrongState } from './refusals';
import { SourceLink } from './source-link';
import { VmSender } from './vm-sender';

/**
 * `sending` to the target; `ready`: guest stopped, the lab decides; `resuming`: being undone;
 * `resumed`: the VM runs on here; `stranded`: it could not be resumed; `finished`: it runs at the
 * target.
 */
export type OutgoingState = 'sending' | 'ready' | 'resuming' | 'resumed' | 'stranded' | 'finished';

type OutgoingMove = 'target-ready' | 'undo' | 'guest-runs' | 'guest-lost' | 'finish';

/** What leads where. A move that is not here is illegal and changes nothing. */
const MOVES: Readonly<Record<OutgoingState, Partial<Record<OutgoingMove, OutgoingState>>>> = {
  sending: { 'target-ready': 'ready', undo: 'resuming' },
  ready: { undo: 'resuming', finish: 'finished' },
  resuming: { 'guest-runs': 'resumed', 'guest-lost': 'stranded' },
  resumed: {},
  stranded: {},
  finished: {},
};

export interface OutgoingOptions {
  readonly vm: OutgoingVm;
  readonly kernel: Kernel;
  readonly memory: HostMemory;
  /** Path of the target's socket. */
  readonly socketPath: string;
  readonly token: string;
  /** Cancels while the VM is being sent; without effect once the target is ready. */
  readonly signal?: AbortSignal;
  /** Monotonic time in nanoseconds. */
  readonly now: Clock;
  /** Time to connect and to be accepted. Default 5 s. */
  readonly connectTimeoutMs?: number;
  /** Longest silence of the target after that. Default 30 s. */
  readonly idleTimeoutMs?: number;
}

export class OutgoingMigration {
  /** Resolves when the socket is closed and the staging memory is given back. Never rejects. */
  readonly closed: Promise<void>;
  readonly #options: OutgoingOptions;
  readonly #link: SourceLink;
  readonly #feed = new ProgressFeed();
  readonly #onSignal = (): void => this.#interrupt('The request was withdrawn.');
  #state: OutgoingState = 'sending';
  /** The undoing, once it has begun; rejects when the VM could not be resumed. */
  #undoing: Promise<void> | undefined;
  /** Resolves when nothing is being sent any more. */
  readonly #sent: Promise<void>;

  /**
   * Begins to send the VM.
   * @throws RefusalError `host-memory-exhausted` when there is no room for staging; nothing was
   * done to the VM then.
   */
  constructor(options: OutgoingOptions) {
    this.#options = options;
    const onLateAbort = (reason: RefusalError): void => this.#onLateAbort(reason);
    this.#link = new SourceLink({ ...options, onLateAbort });
    this.closed = this.#link.closed;
    options.signal?.addEventListener('abort', this.#onSignal);
    if (options.signal?.aborted) this.#onSignal();
    this.#sent = this.#run();
  }

  get state(): OutgoingState {
    return this.#state;
  }

  /**
   * Progress, for one reader: entering a phase is always reported, else the latest at most every
   * 50 ms. Ends after `ready`; throws `migration-failed`, `migration-cancelled` or
   * `migration-target-refused` once the VM runs on here. A reader who leaves before the target is
   * ready cancels.
   */
  async *progress(): AsyncGenerator<MigrationProgress, void, undefined> {
    try {
      for (;;) {
        const progress = await this.#feed.next();
        if (progress === undefined) return;
        yield progress;
      }
    } finally {
      if (this.#state === 'sending') await this.cancel('Nobody follows the migration any more.');
    }
  }

  /**
   * Resumes the VM here. Legal in every state but `finished`; harmless when it was done before.
   * @throws RefusalError `wrong-state`; `migration-failed` when the VM cannot be resumed.
   */
  async cancel(reason = 'It was asked for.'): Promise<void> {
    if (this.#state === 'finished') throw wrongState('cancel', this.#state, 'any other state');
    if (this.#state === 'sending') {
      this.#interrupt(reason);
      await this.#sent;
    }
    // The target may have become ready in the same turn.
    if (this.#state === 'ready') this.#undo(this.#cancelled(reason));
    await this.#undoing;
  }

  /** The VM belongs to the target. Legal in: ready. @throws RefusalError `wrong-state` */
  finish(): void {
    this.#move('finish');
    this.#link.close();
  }

  async #run(): Promise<void> {
    const { vm, kernel, memory, now, signal } = this.#options;
    const report = (progress: MigrationProgress): void => this.#feed.push(progress);
    try {
      const sender = new VmSender({ vm, kernel, memory, now, link: this.#link, report });
      const ready = await sender.send();
      this.#move('target-ready');
      this.#feed.push(ready);
      this.#feed.end();
    } catch (error) {
      this.#undo(this.#failureOf(error));
    } finally {
      signal?.removeEventListener('abort', this.#onSignal);
    }
  }

  #interrupt(reason: string): void {
    this.#link.interrupt(this.#cancelled(reason));
  }

  #cancelled(reason: string): RefusalError {
    return migrationCancelled(this.#options.vm.vmId, reason);
  }

  /** Interruptions are refusals of a migration already; what a step threw is their cause. */
  #failureOf(error: unknown): RefusalError {
    if (error instanceof RefusalError && error.refusal.code.startsWith('migration-')) return error;
    return migrationFailed(this.#options.vm.vmId, reasonOf(error), error);
  }

  /** The target has forgotten the VM; while it is still being sent, `#run` hears of it itself. */
  #onLateAbort(reason: RefusalError): void {
    if (this.#state === 'ready') this.#undo(reason);
  }

  #undo(reason: RefusalError): void {
    this.#move('undo');
    this.#link.close(refusalText(reason.refusal));
    this.#undoing = this.#resume(reason);
    // Whoever cancels or reads the progress gets its failure; perhaps nobody does.
    this.#undoing.catch(reasonOf);
  }

  async #resume(reason: RefusalError): Promise<void> {
    const { vm } = this.#options;
    try {
      await vm.resume();
    } catch (error) {
      this.#move('guest-lost');
      const why = `It could not be resumed either: ${reasonOf(error)} Before that: ${reasonOf(reason)}`;
      const stranded = migrationFailed(vm.vmId, why, new AggregateError([reason, error]));
      this.#feed.end(stranded);
      throw stranded;
    }
    this.#move('guest-runs');
    this.#feed.end(reason);
  }

  #move(move: OutgoingMove): void {
    const next = MOVES[this.#state][move];
    if (next === undefined) throw wrongState(move, this.#state, statesThatTake(move));
    this.#state = next;
  }
}

function statesThatTake(move: OutgoingMove): string {
  return Object.entries(MOVES)
    .filter(([, moves]) => moves[move] !== undefined)
    .map(([state]) => state)
    .join(', ');
}
