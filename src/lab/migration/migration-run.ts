/**
 * One live migration, with the lab as the arbiter (`docs/design.md` §7). The commit record is the
 * VM's host in the saved inventory: whoever it names may run the VM, nobody else.
 *
 * ```
 *  state       doing                            on failure, cancel or loss of the target        on loss of the source
 *  preparing   fabric.startProbe,               abortIncoming; the VM was not touched           the VM is lost with it and
 *              target.prepareIncoming                                                           starts afresh there
 *  sending     source.sendVm until `ready`      cancelSend resumes the VM, abortIncoming        as above
 *  committing  writing the commit record        as in `sending`; no cancel from here on         as above
 *  committed   target.commitIncoming            record taken back, then as in `sending`         the target runs the VM
 *  confirmed   source.finishSend, stopProbe     none of it: the VM runs on the target; loss of the target restarts it there
 *  ended       –                                –                                               –
 * ```
 *
 * Never: the target asked to run before the record is saved; the source resumed while the record
 * names the target; a record taken back while the target may run the VM, which is why a target that
 * does not answer is ended first.
 */
import type { HostControl, FabricControl } from '../process/control-link';
import type { VmConfig } from '../../contract/model';
import { RefusalError, refusalText } from '../../shared/refusal-error';
import { asRefusal, refusal, wrongState } from '../refusals';
import { Interruption } from './interruption';
import type { MigrationRecord } from './migration-record';

/** What a migration needs of a host's process. */
export interface MigrationHost {
  readonly name: string;
  readonly control: Pick<
    HostControl,
    'prepareIncoming' | 'sendVm' | 'commitIncoming' | 'abortIncoming' | 'finishSend' | 'cancelSend'
  >;
  onceLost(listener: (cause: string) => void): () => void;
  terminate(cause: string): void;
}

export interface MigrationPlan {
  readonly record: MigrationRecord;
  readonly vm: VmConfig;
  readonly source: MigrationHost;
  readonly target: MigrationHost;
  readonly fabric: { readonly control: Pick<FabricControl, 'startProbe' | 'stopProbe'> };
  /** Saves the VM's host: the commit record, and taking it back. */
  saveHost(hostId: string): Promise<void>;
  onPhase(phase: string): void;
  onProgress(): void;
  onWarning(text: string, cause: string): void;
  onCommit(): void;
}

type State = 'preparing' | 'sending' | 'committing' | 'committed' | 'confirmed' | 'ended';

const PROBES_PER_SECOND = 500;

export class MigrationRun {
  readonly #plan: MigrationPlan;
  readonly #interruption = new Interruption();
  #state: State = 'preparing';
  #isProbing = false;

  constructor(plan: MigrationPlan) {
    this.#plan = plan;
  }

  /** @throws RefusalError `wrong-state` from the commit on. */
  cancel(): void {
    if (this.#state !== 'preparing' && this.#state !== 'sending') {
      throw wrongState(
        `The migration of ${this.#plan.vm.name} cannot be cancelled any more.`,
        'It has been committed, or has ended.',
        'Migrate the VM back.',
      );
    }
    this.#interruption.raise(
      refusal({
        code: 'migration-cancelled',
        what: 'The migration was cancelled.',
        why: 'It was asked for by command.',
        remedy: '',
      }),
    );
  }

  /** Carries the migration out and ends its record. Never rejects. */
  async run(): Promise<void> {
    const { record, target } = this.#plan;
    const forget = target.onceLost((cause) =>
      this.#interruption.raise(failed(`${target.name} was lost.`, cause)),
    );
    try {
      await this.#startProbe();
      await this.#send();
      await this.#commit();
      forget();
      await this.#cleanUp();
      record.end('completed', '');
    } catch (error) {
      forget();
      const cause = asRefusal(error);
      await this.#backOut();
      await this.#stopProbe();
      record.end(cause.code === 'migration-cancelled' ? 'cancelled' : 'failed', refusalText(cause));
    }
    this.#state = 'ended';
  }

  async #startProbe(): Promise<void> {
    const { vm, fabric, record } = this.#plan;
    const nic = vm.nics.find((candidate) => candidate.ipv4 !== undefined);
    const mac = nic?.macs[0];
    if (nic?.ipv4 === undefined || mac === undefined) return;
    const { migrationId } = record.subject;
    this.#phase('preparing');
    try {
      await this.#interruption.race(
        fabric.control.startProbe({
          probeId: migrationId,
          mac,
          ipv4: nic.ipv4,
          vlan: nic.vlan,
          perSecond: PROBES_PER_SECOND,
        }),
      );
      this.#isProbing = true;
    } catch (error) {
      this.#interruption.throwIfRaised();
      this.#warn('The migration is not measured by a probe flow.', error);
    }
  }

  async #send(): Promise<void> {
    const { vm, source, target, record } = this.#plan;
    const { migrationId } = record.subject;
    this.#phase('preparing');
    const { socket, token } = await this.#interruption.race(
      target.control.prepareIncoming({
        migrationId,
        vm: { ...vm, hostId: record.subject.toHostId },
      }),
    );
    this.#state = 'sending';
    const stream = await this.#interruption.race(
      source.control.sendVm({ migrationId, vmId: vm.id, socket, token }),
    );
    let isReady = false;
    try {
      // Read to its end: the source takes a reader that leaves as a cancel, even after `ready`.
      for (;;) {
        const step = await this.#interruption.race(stream.next());
        if (step.done === true) break;
        this.#phase(step.value.phase);
        record.progress(step.value);
        this.#plan.onProgress();
        isReady = step.value.ready;
      }
    } catch (error) {
      stopReading(stream);
      throw error;
    }
    if (!isReady)
      throw failed(
        `${source.name} stopped sending ${vm.name}.`,
        'The stream ended before the state was complete.',
      );
  }

  async #commit(): Promise<void> {
    const { record, target } = this.#plan;
    const { migrationId, toHostId } = record.subject;
    this.#interruption.throwIfRaised();
    this.#state = 'committing';
    this.#phase('committing');
    await this.#plan.saveHost(toHostId);
    this.#state = 'committed';
    this.#plan.onCommit();
    this.#phase('resuming');
    try {
      const { resumedAtNs } = await target.control.commitIncoming({ migrationId });
      record.resumed(resumedAtNs);
      this.#state = 'confirmed';
    } catch (error) {
      // Only an answer of the target proves that it does not run the VM; silence does not.
      if (!isAnswer(error))
        target.terminate(`It did not confirm the migration of ${record.subject.vmName}.`);
      throw error;
    }
  }

  /** The VM runs on the target: whatever fails here is a warning. */
  async #cleanUp(): Promise<void> {
    const { record, source } = this.#plan;
    this.#phase('cleaning-up');
    try {
      const { heldFrames, droppedFrames } = await source.control.finishSend({
        migrationId: record.subject.migrationId,
      });
      record.held(heldFrames);
      if (droppedFrames > 0)
        this.#plan.onWarning(
          `${droppedFrames} held frames were dropped.`,
          'More arrived than may be held.',
        );
    } catch (error) {
      this.#warn(`${source.name} could not clean up after the migration.`, error);
    }
    await this.#stopProbe();
  }

  /** Back to the source, from whatever state a failure was met in. */
  async #backOut(): Promise<void> {
    const { record, source, target } = this.#plan;
    const { migrationId, fromHostId } = record.subject;
    const state = this.#state;
    if (state === 'committed') {
      try {
        await this.#plan.saveHost(fromHostId);
      } catch (error) {
        // The record still names the target: the source must not resume. The target's restart runs the VM.
        this.#warn(
          'The commit record could not be taken back; the VM starts afresh on the target.',
          error,
        );
        target.terminate('It holds a VM whose migration could not be undone.');
        await attempt(() => source.control.finishSend({ migrationId }));
        return;
      }
    }
    if (state !== 'preparing') {
      try {
        await source.control.cancelSend({ migrationId });
      } catch (error) {
        this.#warn(`${source.name} could not resume ${record.subject.vmName}.`, error);
      }
    }
    // A target that is gone has forgotten the VM by itself.
    await attempt(() => target.control.abortIncoming({ migrationId }));
  }

  async #stopProbe(): Promise<void> {
    if (!this.#isProbing) return;
    this.#isProbing = false;
    const { record, fabric } = this.#plan;
    try {
      record.probed(await fabric.control.stopProbe({ probeId: record.subject.migrationId }));
    } catch (error) {
      this.#warn('The probe flow could not be read.', error);
    }
  }

  #phase(phase: string): void {
    if (this.#plan.record.enterPhase(phase)) this.#plan.onPhase(phase);
  }

  #warn(text: string, error: unknown): void {
    this.#plan.onWarning(text, refusalText(asRefusal(error)));
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

/** Whether the process itself refused, rather than being gone or silent. */
function isAnswer(error: unknown): boolean {
  if (!(error instanceof RefusalError)) return false;
  return error.refusal.code !== 'host-unavailable' && error.refusal.code !== 'internal';
}

/** Lets go of a stream without waiting: its other end may hang. */
function stopReading(stream: AsyncIterator<unknown>): void {
  stream.return?.().catch(() => undefined);
}

async function attempt(command: () => Promise<unknown>): Promise<void> {
  try {
    await command();
  } catch {
    // The command is a courtesy: what it would undo is undone by the end of its process as well.
  }
}
