/**
 * What a source does, in order: filters away, DMA off, dirty log on, rounds of copying while the
 * guest runs, guest stopped, the rest copied, target ready. It only goes forwards: whoever calls it
 * undoes everything when it throws (`source.ts`). Control thread; it yields to other
 * work of the thread at least every millisecond.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { MigrationPhase, MigrationProgress } from '../../contract/migration';
import { PAGE_SIZE } from '../kernel/layout';
import type { HostMemory } from '../memory/host-memory';
import type { Clock } from '../thread/clock';
import type { Kernel } from '../thread/kernel';
import type { OutgoingVm } from './endpoints';
import { pageCount, takeBatch } from './page-batch';
import { isAnotherRoundWorthwhile } from './pre-copy';
import {
  CO_DIGEST,
  CO_PAGES,
  COMPLETE_BYTES,
  MessageType,
  RE_PAGES,
  RE_ROUND,
  ROUND_END_BYTES,
  extendDigest,
} from './protocol';
import { migrationFailed } from './refusals';
import type { SourceLink } from './source-link';
import { textPayload } from './text-payload';

const TURN_NS = 1e6;
const PROGRESS_INTERVAL_NS = 50e6;

export interface VmSenderOptions {
  readonly vm: OutgoingVm;
  readonly kernel: Kernel;
  readonly memory: HostMemory;
  readonly link: SourceLink;
  readonly now: Clock;
  /** Called on entering a phase, and at most every 50 ms within it. */
  readonly report: (progress: MigrationProgress) => void;
}

/** Sends one VM, once. */
export class VmSender {
  readonly #options: VmSenderOptions;
  #phase: MigrationPhase = 'preparing';
  #round = 0;
  #pages = 0;
  #digest = 0n;
  #bitmap = 0;
  #stoppedAtNs = 0;
  #reportedAtNs = 0;
  #turnBeganNs = 0;

  constructor(options: VmSenderOptions) {
    this.#options = options;
  }

  /**
   * Returns the last report when the target is ready.
   * @throws RefusalError what interrupted it, or the error of a step.
   */
  async send(): Promise<MigrationProgress> {
    const { vm, link } = this.#options;
    this.#enter('preparing');
    await link.accepted();
    await this.#step('clearing-filters', () => vm.clearFilters());
    await this.#step('stopping-dma', () => vm.stopDma());
    this.#bitmap = await this.#step('copying', () => vm.startDirtyLog());
    await this.#copyLive();
    this.#stoppedAtNs = await this.#step('stopping-vm', () => vm.stopGuest());
    this.#enter('final-copy');
    await this.#copyRound();
    const state = textPayload(vm.deviceState());
    this.#checkNothingRemains();
    link.send(MessageType.State, state);
    this.#enter('committing');
    await link.complete(this.#completePayload());
    return this.#progress(true);
  }

  /** One call to the VM; an interruption meanwhile takes effect once the call is over. */
  async #step<T>(phase: MigrationPhase, call: () => Promise<T>): Promise<T> {
    this.#options.link.check();
    this.#enter(phase);
    const result = await call();
    this.#options.link.check();
    return result;
  }

  async #copyLive(): Promise<void> {
    let before = pageCount(this.#options.vm);
    for (;;) {
      await this.#copyRound();
      const remaining = this.#remainingPages();
      if (!isAnotherRoundWorthwhile({ rounds: this.#round, before, remaining })) return;
      before = remaining;
    }
  }

  /** Sends each page that is dirty when the scan comes by. */
  async #copyRound(): Promise<void> {
    const { vm, kernel, memory, link, now } = this.#options;
    const before = this.#pages;
    const round = ++this.#round;
    this.#turnBeganNs = now();
    for (let from = 0; from < pageCount(vm);) {
      const slot = link.tryPageSlot() ?? (await link.pageSlot());
      const request = { bitmap: this.#bitmap, from, round, payload: slot.payload };
      const { pages, length, next } = takeBatch(kernel, memory, vm, request);
      if (pages === 0) break;
      this.#digest = extendDigest(this.#digest, link.sendPages(slot, length));
      this.#pages += pages;
      from = next;
      if (now() - this.#turnBeganNs > TURN_NS) await this.#yield();
    }
    link.send(MessageType.RoundEnd, roundEndPayload(round, this.#pages - before));
  }

  async #yield(): Promise<void> {
    const { link, now } = this.#options;
    if (now() - this.#reportedAtNs >= PROGRESS_INTERVAL_NS) this.#report();
    await nextTurn();
    link.check();
    this.#turnBeganNs = now();
  }

  #checkNothingRemains(): void {
    const remaining = this.#remainingPages();
    if (remaining === 0) return;
    const why = `Pages written after the guest had been stopped: ${remaining}.`;
    throw migrationFailed(this.#options.vm.vmId, why);
  }

  #remainingPages(): number {
    if (this.#bitmap === 0) return pageCount(this.#options.vm);
    return this.#options.kernel.countDirty(this.#bitmap, pageCount(this.#options.vm)) >>> 0;
  }

  #enter(phase: MigrationPhase): void {
    this.#phase = phase;
    this.#report();
  }

  #report(): void {
    this.#reportedAtNs = this.#options.now();
    this.#options.report(this.#progress(false));
  }

  #progress(ready: boolean): MigrationProgress {
    const { vm, link } = this.#options;
    return {
      phase: this.#phase,
      round: this.#round,
      sentBytes: link.sentBytes,
      remainingBytes: this.#remainingPages() * PAGE_SIZE,
      totalBytes: vm.memoryBytes,
      stoppedAtNs: this.#stoppedAtNs,
      ready,
    };
  }

  #completePayload(): Uint8Array {
    const payload = Buffer.alloc(COMPLETE_BYTES);
    payload.writeBigUInt64LE(this.#digest, CO_DIGEST);
    payload.writeDoubleLE(this.#pages, CO_PAGES);
    return payload;
  }
}

function roundEndPayload(round: number, pages: number): Uint8Array {
  const payload = Buffer.alloc(ROUND_END_BYTES);
  payload.writeUInt32LE(round, RE_ROUND);
  payload.writeUInt32LE(pages, RE_PAGES);
  return payload;
}
