/**
 * One outgoing migration from start to end, at its source. It runs on its own, however slowly its
 * progress is read. Control thread.
 *
 * ```
 * const outgoing = new OutgoingMigration({ vm, kernel, memory, socketPath, token, signal, now });
 * for await (const progress of outgoing.progress()) …   // ends after `ready`, or throws the refusal
 * outgoing.finish();           // the lab has committed and the target runs
 * outgoing.sendLate(0, frames);  // what was held for the VM, while there is something
 * await outgoing.end();
 * await outgoing.cancel();     // or not: the VM runs on here
 * ```
 */
import type {
  MigrationLimits,
  MigrationOptions,
  MigrationPhase,
  MigrationProgress,
} from '../../contract/migration';
import { RefusalError, refusalText } from '../../shared/refusal-error';
import type { HostMemory } from '../memory/host-memory';
import type { Clock } from '../thread/clock';
import type { Kernel } from '../thread/kernel';
import type { OutgoingVm } from './endpoints';
import { ProgressFeed } from './progress-feed';
import { migrationCancelled, migrationFailed, reasonOf, wrongState } from './refusals';
import { lateBatches, type LateFrame } from './late-batch';
import { MessageType } from './protocol';
import { SourceLink } from './source-link';
import { VmSender } from './vm-sender';

/**
 * `sending` to the target; `ready`: guest stopped, the lab decides; `resuming`: being undone;
 * `resumed`: the VM runs on here; `stranded`: it could not be resumed; `finished`: it runs at the
 * target.
 */
export type OutgoingState = 'sending' | 'ready' | 'resuming' | 'resumed' | 'stranded' | 'finished';

export type OutgoingMove = 'target-ready' | 'undo' | 'guest-runs' | 'guest-lost' | 'finish';

/** What leads where. A move that is not here is illegal and changes nothing. */
export const OUTGOING_MOVES: Readonly<
  Record<OutgoingState, Partial<Record<OutgoingMove, OutgoingState>>>
> = {
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
  readonly options: MigrationOptions;
  /** On entering this phase it waits for `goOn`: for faults at a chosen phase. Default: none. */
  readonly pauseAt?: MigrationPhase | null;
  /** Cancels while the VM is being sent; without effect once the target is ready. */
  readonly signal?: AbortSignal;
  /** Monotonic time in nanoseconds. */
  readonly now: Clock;
  /** Whether the target may open a second socket, from which it reads faster. Default: yes. */
  readonly secondSocket?: boolean;
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
  readonly #sender: VmSender;
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
    this.#sender = new VmSender({
      ...options,
      link: this.#link,
      pauseAt: options.pauseAt ?? null,
      report: (progress) => this.#feed.push(progress),
    });
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

  /**
   * The host ends. A guest that is stopped and whole at the target stays stopped: whether the target
   * runs it, only the lab knows.
   */
  async close(): Promise<void> {
    if (this.#state === 'ready') this.finish();
    if (this.#state === 'finished') this.#link.close();
    else await this.cancel('The host is closed.');
  }

  /** Changes limits. Legal in: sending; of no effect once the guest is stopped. @throws RefusalError `wrong-state` */
  setLimits(limits: MigrationLimits): void {
    if (this.#state !== 'sending') throw wrongState('set limits', this.#state, 'sending');
    this.#sender.setLimits(limits);
  }

  /** Ends the wait at `pauseAt`. */
  goOn(): void {
    this.#link.goOn();
  }

  /** Fault injection: breaks the stream to the target. */
  break(how: 'cut' | 'corrupt'): void {
    if (how === 'cut') this.#link.cut();
    else this.#link.corruptNext();
  }

  /** The VM belongs to the target, and runs there. Legal in: ready. @throws RefusalError `wrong-state` */
  finish(): void {
    this.#move('finish');
  }

  /**
   * Sends frames on that were held for a NIC, in order. Legal in: finished.
   * @param nic its place in the VM's configuration.
   * @returns false when the stream is broken: they are lost.
   */
  sendLate(nic: number, frames: readonly LateFrame[]): boolean {
    if (this.#state !== 'finished') throw wrongState('send late frames', this.#state, 'finished');
    for (const batch of lateBatches(nic, frames)) this.#link.send(MessageType.LateFrames, batch);
    return this.#link.isOpen;
  }

  /** Says that nothing more comes. Legal in: finished. Resolves when everything has been sent. */
  async end(): Promise<void> {
    if (this.#state !== 'finished') throw wrongState('end', this.#state, 'finished');
    await this.#link.end();
  }

  async #run(): Promise<void> {
    const { signal } = this.#options;
    try {
      const ready = await this.#sender.send();
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
    const next = OUTGOING_MOVES[this.#state][move];
    if (next === undefined) throw wrongState(move, this.#state, statesThatTake(move));
    this.#state = next;
  }
}

function statesThatTake(move: OutgoingMove): string {
  return Object.entries(OUTGOING_MOVES)
    .filter(([, moves]) => moves[move] !== undefined)
    .map(([state]) => state)
    .join(', ');
}
