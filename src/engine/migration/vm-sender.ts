/**
 * What a source does, in order: filters away, DMA off, dirty log on, rounds of copying while the
 * guest runs, guest stopped, the rest copied, target ready. It only goes forwards: whoever calls it
 * undoes everything when it throws (`source.ts`). Control thread; it yields to other
 * work of the thread at least every millisecond.
 */
import type {
  MigrationLimits,
  MigrationOptions,
  MigrationPhase,
  MigrationProgress,
} from '../../contract/migration';
import { PAGE_SIZE } from '../kernel/layout';
import type { HostMemory } from '../memory/host-memory';
import type { Clock } from '../thread/clock';
import type { Kernel } from '../thread/kernel';
import { CopyRounds } from './copy-rounds';
import type { OutgoingVm } from './endpoints';
import {
  expectedDowntimeMs,
  isShrinking,
  nextStep,
  nextThrottle,
  notConverging,
  type RoundOutcome,
} from './pre-copy';
import { CO_DIGEST, CO_PAGES, COMPLETE_BYTES, MessageType } from './protocol';
import { migrationFailed } from './refusals';
import type { SourceLink } from './source-link';
import { textPayload } from './text-payload';

export interface VmSenderOptions {
  readonly vm: OutgoingVm;
  readonly kernel: Kernel;
  readonly memory: HostMemory;
  readonly link: SourceLink;
  readonly options: MigrationOptions;
  /** On entering this phase it waits until the link goes on. */
  readonly pauseAt: MigrationPhase | null;
  readonly now: Clock;
  /** Called on entering a phase, and at most every 50 ms within it. */
  readonly report: (progress: MigrationProgress) => void;
}

/** Sends one VM, once. */
export class VmSender {
  readonly #parts: VmSenderOptions;
  readonly #rounds: CopyRounds;
  #options: MigrationOptions;
  #phase: MigrationPhase = 'preparing';
  #stoppedAtNs = 0;
  #throttle = 0;
  #advice = '';

  constructor(parts: VmSenderOptions) {
    this.#parts = parts;
    this.#options = parts.options;
    this.#rounds = new CopyRounds({ ...parts, report: () => this.#report() });
    this.#rounds.limitBandwidth(parts.options.bandwidthMiBps);
  }

  /** Takes effect at once for the bandwidth, and at the end of the present round for the rest. */
  setLimits(limits: MigrationLimits): void {
    this.#options = { ...this.#options, ...limits };
    this.#rounds.limitBandwidth(limits.bandwidthMiBps);
  }

  /**
   * Returns the last report when the target is ready.
   * @throws RefusalError what interrupted it, or the error of a step.
   */
  async send(): Promise<MigrationProgress> {
    const { vm, link } = this.#parts;
    await this.#enter('preparing');
    await link.accepted();
    await vm.prepareGap();
    await this.#step('clearing-filters', () => vm.clearFilters());
    await this.#step('stopping-dma', () => vm.stopDma());
    this.#rounds.bitmap = await this.#step('copying', () => vm.startDirtyLog());
    await this.#copyLive();
    this.#stoppedAtNs = await this.#step('stopping-vm', () => vm.stopGuest());
    await this.#enter('final-copy');
    await this.#rounds.copy({ live: false });
    const state = textPayload(vm.deviceState());
    this.#checkNothingRemains();
    link.send(MessageType.State, state);
    await this.#enter('committing');
    await link.complete(this.#completePayload());
    return this.#progress(true);
  }

  /** One call to the VM; an interruption meanwhile takes effect once the call is over. */
  async #step<T>(phase: MigrationPhase, call: () => Promise<T>): Promise<T> {
    this.#parts.link.check();
    await this.#enter(phase);
    const result = await call();
    this.#parts.link.check();
    return result;
  }

  async #copyLive(): Promise<void> {
    let before = this.#rounds.remainingPages();
    for (;;) {
      await this.#rounds.copy({ live: true });
      const remaining = this.#rounds.remainingPages();
      const { count, copyRate } = this.#rounds;
      const outcome = { rounds: count, before, remaining, copyRate };
      const next = nextStep(outcome, this.#options);
      this.#advise(outcome, next !== 'stop');
      if (next === 'stop') return;
      if (next === 'exhausted') {
        this.#giveUpIfAsked();
        return;
      }
      before = remaining;
    }
  }

  /** Says why it does not converge, and slows the guest down if it may. */
  #advise(outcome: RoundOutcome, isTooMuch: boolean): void {
    const { sentBytesPerSecond: sent, dirtyBytesPerSecond: dirtied } = this.#rounds;
    const stalls = isTooMuch && outcome.rounds > 1 && !isShrinking(outcome);
    this.#advice = stalls ? notConverging(outcome, { sent, dirtied }, this.#options) : '';
    if (!stalls || !this.#options.autoConverge) return;
    this.#throttle = nextThrottle(this.#throttle);
    this.#parts.vm.throttle(this.#throttle);
  }

  #giveUpIfAsked(): void {
    if (this.#options.whenNotConverging !== 'give-up') return;
    throw migrationFailed(
      this.#parts.vm.vmId,
      `It did not converge in ${this.#rounds.count} rounds. ${this.#advice}`,
    );
  }

  #checkNothingRemains(): void {
    const remaining = this.#rounds.remainingPages();
    if (remaining === 0) return;
    const why = `Pages written after the guest had been stopped: ${remaining}.`;
    throw migrationFailed(this.#parts.vm.vmId, why);
  }

  async #enter(phase: MigrationPhase): Promise<void> {
    this.#phase = phase;
    this.#report();
    if (phase === this.#parts.pauseAt) await this.#parts.link.pause();
  }

  #report(): void {
    this.#parts.report(this.#progress(false));
  }

  #progress(ready: boolean): MigrationProgress {
    const { vm, link } = this.#parts;
    const rounds = this.#rounds;
    const remaining = rounds.remainingPages();
    return {
      phase: this.#phase,
      bytesPerSecond: rounds.sentBytesPerSecond,
      dirtyBytesPerSecond: rounds.dirtyBytesPerSecond,
      throttlePercent: this.#throttle,
      expectedDowntimeMs: expectedDowntimeMs(remaining, rounds.copyRate),
      advice: this.#advice,
      roundList: rounds.done,
      round: rounds.count,
      sentBytes: link.sentBytes,
      remainingBytes: remaining * PAGE_SIZE,
      totalBytes: vm.memoryBytes,
      stoppedAtNs: this.#stoppedAtNs,
      ready,
    };
  }

  #completePayload(): Uint8Array {
    const payload = Buffer.alloc(COMPLETE_BYTES);
    payload.writeBigUInt64LE(this.#rounds.digest, CO_DIGEST);
    payload.writeDoubleLE(this.#rounds.pages, CO_PAGES);
    return payload;
  }
}
