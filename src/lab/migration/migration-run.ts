/**
 * One live migration, with the lab as the arbiter (`docs/design.md` §7). The commit record is the
 * VM's host in the saved inventory: whoever it names may run the VM, nobody else.
 *
 * ```
 *  state       doing                      failure or cancel      loss of the target      loss of the source
 *  preparing   probe, prepareIncoming     VM untouched at the    VM untouched at the     VM starts afresh at
 *                                         source                 source                  the source
 *  sending     sendVm until `ready`       VM resumed at the      VM resumed at the       VM starts afresh at
 *                                         source                 source                  the source
 *  committing  saving the commit record   VM resumed at the      as `committed`          as `committed`
 *                                         source; no cancel
 *  committed   commitIncoming             record taken back, VM  record taken back, VM   VM runs on at the
 *                                         resumed at the source  resumed at the source   target
 *  confirmed   finishSend, stopProbe      a warning: VM runs at  VM starts afresh at     VM runs on at the
 *                                         the target             the target              target
 *  ended       –                          –                      –                       –
 * ```
 *
 * Both lost: in `preparing` to `committed` the VM starts afresh at the source, in `confirmed` at the
 * target. Loss of the fabric costs the meter, never the VM. Loss of the lab ends every host with it;
 * the next lab starts the VM afresh on the host that the saved record names. A record that cannot be
 * taken back stands: the target is ended and starts the VM afresh.
 *
 * Never: the target asked to run before the record is saved; the source resumed while the record
 * names the target; a record taken back while the target may run the VM, which is why a target that
 * does not answer is ended first.
 *
 * From `ready` to the request to run the VM the guest stands still, so nothing is waited for there
 * but the record: it is written and synced before, and put in force by renaming it.
 */
import type { MigrationFault } from '../../contract/lab';
import {
  MIGRATION_PHASES,
  type MigrationLimits,
  type MigrationPhase,
  type MigrationProgress,
} from '../../contract/migration';
import { refusalText, type RefusalError } from '../../shared/refusal-error';
import { asRefusal, hasAnswered, refusal, wrongState } from '../refusals';
import { FaultInjection, tellerOf, type PhaseTeller } from './fault-injection';
import { Interruption } from './interruption';
import { MigrationMeter, stopReading } from './migration-meter';
import type { MigrationPlan } from './migration-plan';

type State = 'preparing' | 'sending' | 'committing' | 'committed' | 'confirmed' | 'ended';

export class MigrationRun {
  readonly #plan: MigrationPlan;
  readonly #interruption = new Interruption();
  readonly #meter: MigrationMeter;
  readonly #faults: FaultInjection;
  #state: State = 'preparing';
  /** Whether the source knows the migration, so that it takes limits and faults. */
  #isSending = false;
  /** Resolves when it does, or never will. */
  readonly #heard: Promise<void>;
  #hear: () => void = () => undefined;
  /** The target's answer to `prepareIncoming`: a migration that is given up waits for it, to undo it. */
  #prepared: Promise<unknown> = Promise.resolve();
  /** Where the source connects. */
  #target = { socket: '', token: '' };
  /** What has happened and is told once the VM runs again. */
  readonly #untold: (() => void)[] = [];

  constructor(plan: MigrationPlan, fault?: MigrationFault) {
    this.#plan = plan;
    const warn = (text: string, error: unknown): void => this.#warn(text, error);
    this.#meter = new MigrationMeter(plan, warn);
    this.#faults = new FaultInjection(plan, this.#meter, warn);
    if (fault !== undefined) this.#faults.add(fault);
    this.#heard = new Promise((resolve) => {
      this.#hear = resolve;
    });
  }

  /** @throws RefusalError `wrong-state` from the commit on. */
  cancel(): void {
    this.#requireUncommitted('cancelled', 'Migrate the VM back.');
    this.#interruption.raise(
      refusal({
        code: 'migration-cancelled',
        what: 'The migration was cancelled.',
        why: 'An administrator or a lab file asked for it.',
        remedy: '',
      }),
    );
  }

  /** Changes the limits. @throws RefusalError `wrong-state` from the commit on, or the source's reason. */
  async limit(limits: MigrationLimits): Promise<void> {
    const { record, source } = this.#plan;
    this.#requireUncommitted('limited', '');
    // Before that the source gets them with its first command.
    if (this.#state === 'sending') {
      await this.#heard;
      this.#requireUncommitted('limited', '');
      await source.control.setSendLimits({ migrationId: record.subject.migrationId, limits });
    }
    record.limit(limits);
    this.#plan.onProgress();
  }

  /**
   * Makes a fault strike in its phase, at once when that is the current one.
   *
   * @throws RefusalError `wrong-state` when the phase has passed, or why it cannot strike now
   */
  async inject(fault: MigrationFault): Promise<void> {
    const { record } = this.#plan;
    const now = record.phase === null ? -1 : MIGRATION_PHASES.indexOf(record.phase);
    const due = MIGRATION_PHASES.indexOf(fault.phase);
    if (now > due || this.#state === 'ended') {
      throw wrongState(
        `The fault cannot strike the migration of ${record.subject.vmName}.`,
        record.phase === null
          ? 'It has ended.'
          : `It should strike in the phase ${fault.phase}; the migration is in ${record.phase} already.`,
        'Choose a later phase.',
      );
    }
    const isNow = now === due && (tellerOf(fault) === 'lab' || this.#isSending);
    if (isNow) await this.#faults.strikeNow(fault);
    else this.#faults.add(fault);
  }

  /** Carries the migration out and ends its record. Never rejects. */
  async run(): Promise<void> {
    const { record, target } = this.#plan;
    const forget = target.onceLost((cause) => this.#targetLost(cause));
    try {
      await this.#prepare();
      await this.#send();
      await this.#commit();
      await this.#cleanUp();
      await this.#release();
      record.end('completed', '');
    } catch (error) {
      const cause = asRefusal(error);
      await this.#backOut();
      await this.#release();
      record.end(cause.code === 'migration-cancelled' ? 'cancelled' : 'failed', refusalText(cause));
    }
    forget();
    this.#state = 'ended';
    this.#hear();
  }

  /** Meter and target: the VM is not touched. */
  async #prepare(): Promise<void> {
    const { vm, target, record, commitRecord } = this.#plan;
    const { migrationId, toHostId } = record.subject;
    this.#enter('preparing');
    // Early: a busy disk may take long to sync it.
    void commitRecord.prepare();
    await this.#interruption.race(this.#meter.begin());
    await this.#strike('preparing', 'lab');
    const answer = target.control.prepareIncoming({ migrationId, vm: { ...vm, hostId: toHostId } });
    this.#prepared = answer;
    this.#target = await this.#interruption.race(answer);
  }

  /** Until the target holds the whole VM. */
  async #send(): Promise<void> {
    const { vm, source, record, commitRecord } = this.#plan;
    const { migrationId } = record.subject;
    this.#state = 'sending';
    const pauseAt = this.#faults.pauseAt;
    const call = source.control.sendVm({
      migrationId,
      vmId: vm.id,
      ...this.#target,
      options: record.options,
      pauseAt,
    });
    const stream = await this.#interruption.race(call).catch((error: unknown) => {
      // A source that answers later has begun although the migration was given up.
      void attempt(async () => {
        stopReading(await call);
        await source.control.cancelSend({ migrationId });
      });
      throw error;
    });
    try {
      for (;;) {
        const step = await this.#interruption.race(stream.next());
        if (step.done === true) {
          throw failed(
            `${source.name} stopped sending ${vm.name}.`,
            'The stream ended before the state was complete.',
          );
        }
        this.#progress(step.value);
        if (this.#faults.isDue(step.value.phase, 'source'))
          await this.#strike(step.value.phase, 'source');
        if (step.value.ready) break;
        void commitRecord.prepare();
        if (step.value.phase === pauseAt)
          await this.#interruption.race(source.control.continueSend({ migrationId }));
      }
    } catch (error) {
      stopReading(stream);
      throw error;
    }
    // Read to its end: the source takes a reader that leaves as a cancel, even after `ready`.
    void readToEnd(stream);
  }

  #progress(progress: MigrationProgress): void {
    this.#enter(progress.phase);
    this.#plan.record.progress(progress);
    this.#plan.onProgress();
    this.#isSending = true;
    this.#hear();
  }

  async #commit(): Promise<void> {
    const { record, commitRecord } = this.#plan;
    this.#interruption.throwIfRaised();
    this.#state = 'committing';
    this.#enterQuietly('committing');
    if (this.#faults.isDue('committing', 'lab')) await this.#strike('committing', 'lab');
    await commitRecord.save();
    this.#state = 'committed';
    this.#isSending = false;
    this.#untold.push(() => this.#plan.onCommit());
    this.#enterQuietly('resuming');
    if (this.#faults.isDue('resuming', 'lab')) {
      this.#tell();
      await this.#faults.strike('resuming', 'lab');
    }
    const resumed = this.#resume();
    // Whoever watches is told while the target resumes the VM.
    this.#tell();
    record.resumed(await resumed);
    this.#state = 'confirmed';
  }

  async #resume(): Promise<number> {
    const { record, target } = this.#plan;
    const { migrationId, vmName } = record.subject;
    try {
      return (await target.control.commitIncoming({ migrationId })).resumedAtNs;
    } catch (error) {
      // Only an answer of the target proves that it does not run the VM; silence does not.
      if (!hasAnswered(error))
        await target.terminate(`It did not confirm the migration of ${vmName}.`);
      throw error;
    }
  }

  /** The VM runs on the target: whatever fails here is a warning. */
  async #cleanUp(): Promise<void> {
    const { record, source, commitRecord } = this.#plan;
    this.#enter('cleaning-up');
    await this.#faults.strike('cleaning-up', 'lab');
    try {
      const { heldFrames, droppedFrames, markerSeen } = await source.control.finishSend({
        migrationId: record.subject.migrationId,
      });
      record.left(heldFrames, markerSeen);
      if (droppedFrames > 0)
        this.#warn(`${droppedFrames} held frames were dropped.`, 'More arrived than may be held.');
      if (!markerSeen)
        this.#warn(
          'The marker frame did not come through the fabric in time.',
          'A late frame may have been overtaken by a later one.',
        );
    } catch (error) {
      this.#warn(`${source.name} could not clean up after the migration.`, error);
    }
    try {
      await commitRecord.synced();
    } catch (error) {
      this.#warn('The commit record may not survive a power cut.', error);
    }
  }

  /** Back to the source, from whatever state a failure was met in. */
  async #backOut(): Promise<void> {
    const { record, source, target, commitRecord } = this.#plan;
    const { migrationId, vmName } = record.subject;
    if (this.#state === 'committed') {
      try {
        await commitRecord.takeBack();
      } catch (error) {
        // The record still names the target: the source must not resume. The target's restart runs the VM.
        this.#warn(
          'The commit record could not be taken back; the VM starts afresh on the target.',
          error,
        );
        await target.terminate('It holds a VM whose migration could not be undone.');
        await this.#forgetAtSource();
        return;
      }
    }
    if (this.#state !== 'preparing') {
      try {
        await source.control.cancelSend({ migrationId });
      } catch (error) {
        this.#warn(`${source.name} could not resume ${vmName}.`, error);
      }
    }
    await attempt(() => this.#prepared);
    // A target that is gone has forgotten the VM by itself.
    await attempt(() => target.control.abortIncoming({ migrationId }));
  }

  /** The VM is the target's. A source that does not confirm that it has forgotten it may still run it. */
  async #forgetAtSource(): Promise<void> {
    const { record, source } = this.#plan;
    const { migrationId, vmName } = record.subject;
    try {
      await source.control.finishSend({ migrationId });
    } catch (error) {
      this.#warn(`${source.name} did not forget ${vmName} and is ended.`, error);
      await source.terminate(`It may run ${vmName}, which belongs to another host.`);
    }
  }

  /** Nothing of the migration is left in any process, or in any folder. */
  async #release(): Promise<void> {
    await this.#faults.undo();
    await this.#meter.end();
    await this.#plan.commitRecord.discard();
    try {
      await this.#plan.removeSockets();
    } catch (error) {
      this.#warn('The sockets of the migration could not be removed.', error);
    }
  }

  #targetLost(cause: string): void {
    const { target, record } = this.#plan;
    if (this.#state === 'confirmed')
      this.#warn(`${target.name} was lost after ${record.subject.vmName} had moved there.`, cause);
    else this.#interruption.raise(failed(`${target.name} was lost.`, cause));
  }

  #requireUncommitted(done: string, remedy: string): void {
    if (this.#state === 'preparing' || this.#state === 'sending') return;
    throw wrongState(
      `The migration of ${this.#plan.vm.name} cannot be ${done} any more.`,
      'It has been committed, or has ended.',
      remedy,
    );
  }

  /** Lets faults of the phase strike, and goes on unless the migration was given up meanwhile. */
  async #strike(phase: MigrationPhase, teller: PhaseTeller): Promise<void> {
    this.#tell();
    await this.#interruption.race(this.#faults.strike(phase, teller));
    this.#interruption.throwIfRaised();
  }

  #enter(phase: MigrationPhase): void {
    this.#enterQuietly(phase);
    this.#tell();
  }

  #enterQuietly(phase: MigrationPhase): void {
    if (this.#plan.record.enterPhase(phase)) this.#untold.push(() => this.#plan.onPhase(phase));
  }

  #tell(): void {
    for (const tell of this.#untold.splice(0)) tell();
  }

  #warn(text: string, cause: unknown): void {
    const why = typeof cause === 'string' ? cause : refusalText(asRefusal(cause));
    this.#plan.record.warn(`${text} ${why}`);
    this.#plan.onWarning(text, why);
  }
}

function failed(what: string, why: string): RefusalError {
  return refusal({
    code: 'migration-failed',
    what,
    why,
    remedy: 'The VM runs on at its source. Try again.',
  });
}

/** The source's stream after `ready`: whatever it says then, the lab has decided. */
async function readToEnd(stream: AsyncIterator<unknown>): Promise<void> {
  try {
    while ((await stream.next()).done !== true);
  } catch {
    // The end of its process is seen by its supervisor.
  }
}

async function attempt(command: () => Promise<unknown>): Promise<void> {
  try {
    await command();
  } catch {
    // The command is a courtesy: what it would undo is undone by the end of its process as well.
  }
}
