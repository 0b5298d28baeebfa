/**
 * Rounds of copying: each sends every page that is dirty when the scan comes by, and counts what it
 * did. Control thread; it yields to other work of the thread at least every millisecond.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { MigrationRound } from '../../contract/migration';
import { PAGE_SIZE } from '../kernel/layout';
import type { HostMemory } from '../memory/host-memory';
import type { Clock } from '../thread/clock';
import type { Kernel } from '../thread/kernel';
import { BandwidthLimit } from './bandwidth';
import type { OutgoingVm } from './endpoints';
import { pageCount, takeBatch } from './page-batch';
import { MessageType, RE_PAGES, RE_ROUND, ROUND_END_BYTES, extendDigest } from './protocol';
import type { SourceLink } from './source-link';

const TURN_NS = 1e6;
const REPORT_INTERVAL_NS = 50e6;
/** Longest wait for the bandwidth limit before it looks whether it should go on. */
const LONGEST_WAIT_MS = 20;
/** Assumed until a round has shown better, in bytes per second. */
const FIRST_COPY_RATE = 300e6;
/** A round with fewer bytes says nothing about the rate. */
const TELLING_BYTES = 1 << 20;

export interface CopyRoundsOptions {
  readonly vm: OutgoingVm;
  readonly kernel: Kernel;
  readonly memory: HostMemory;
  readonly link: SourceLink;
  readonly now: Clock;
  /** Called at most every 50 ms within a round. */
  readonly report: () => void;
}

export class CopyRounds {
  /** Address of the dirty bitmap; 0 before there is one. */
  bitmap = 0;
  /** Digest over all Pages messages, and page numbers in them. */
  digest = 0n;
  pages = 0;
  /** Rounds begun. */
  count = 0;
  readonly done: MigrationRound[] = [];
  /** Rate at which pages can be sent, in bytes per second, waits for the limit left out. */
  copyRate = FIRST_COPY_RATE;
  /** Rates of the last round that took long enough to tell. */
  sentBytesPerSecond = 0;
  dirtyBytesPerSecond = 0;
  readonly #options: CopyRoundsOptions;
  readonly #limit = new BandwidthLimit();
  #turnBeganNs = 0;
  #reportedAtNs = 0;
  #waitedNs = 0;

  constructor(options: CopyRoundsOptions) {
    this.#options = options;
  }

  limitBandwidth(mebibytesPerSecond: number | null): void {
    this.#limit.set(mebibytesPerSecond);
  }

  /** Pages that are dirty now; all of them before there is a bitmap. */
  remainingPages(): number {
    const { vm, kernel } = this.#options;
    if (this.bitmap === 0) return pageCount(vm);
    return kernel.countDirty(this.bitmap, pageCount(vm)) >>> 0;
  }

  /** One round. A live one keeps to the bandwidth limit. */
  async copy({ live }: { readonly live: boolean }): Promise<void> {
    const { link, now } = this.#options;
    const round = ++this.count;
    const beganNs = now();
    const sentBefore = link.sentBytes;
    const sum = { pages: 0, zeroPages: 0, repeatedPages: 0 };
    this.#waitedNs = 0;
    this.#turnBeganNs = beganNs;
    await this.#copyPages(round, live, sum);
    link.send(MessageType.RoundEnd, roundEndPayload(round, sum.pages));
    this.pages += sum.pages;
    const bytes = link.sentBytes - sentBefore;
    const durationNs = now() - beganNs;
    const dirtyPages = this.remainingPages();
    this.#learnRates(bytes, durationNs, dirtyPages);
    this.done.push({ round, live, ...sum, bytes, durationMs: durationNs / 1e6, dirtyPages });
  }

  async #copyPages(
    round: number,
    live: boolean,
    sum: { pages: number; zeroPages: number; repeatedPages: number },
  ): Promise<void> {
    const { vm, kernel, memory, link, now } = this.#options;
    for (let from = 0; from < pageCount(vm);) {
      const slot = link.tryPageSlot() ?? (await link.pageSlot());
      const request = { bitmap: this.bitmap, from, round, payload: slot.payload };
      const batch = takeBatch(kernel, memory, vm, request);
      if (batch.pages === 0) break;
      this.digest = extendDigest(this.digest, link.sendPages(slot, batch.length));
      sum.pages += batch.pages;
      sum.zeroPages += batch.zeroPages;
      sum.repeatedPages += batch.repeatedPages;
      from = batch.next;
      if (live) await this.#keepToLimit(batch.length);
      if (now() - this.#turnBeganNs > TURN_NS) await this.#yield();
    }
  }

  async #keepToLimit(bytes: number): Promise<void> {
    const { link, now } = this.#options;
    this.#limit.sent(bytes, now());
    for (;;) {
      const began = now();
      const waitMs = Math.min(this.#limit.waitMs(began), LONGEST_WAIT_MS);
      if (waitMs < 1) return;
      await sleep(waitMs);
      link.check();
      this.#waitedNs += now() - began;
      this.#reportNow();
      this.#turnBeganNs = now();
    }
  }

  async #yield(): Promise<void> {
    const { link, now } = this.#options;
    this.#reportNow();
    await nextTurn();
    link.check();
    this.#turnBeganNs = now();
  }

  #reportNow(): void {
    const { report, now } = this.#options;
    if (now() - this.#reportedAtNs < REPORT_INTERVAL_NS) return;
    this.#reportedAtNs = now();
    report();
  }

  #learnRates(bytes: number, durationNs: number, dirtyPages: number): void {
    const seconds = durationNs / 1e9;
    if (seconds <= 0) return;
    this.dirtyBytesPerSecond = (dirtyPages * PAGE_SIZE) / seconds;
    if (bytes < TELLING_BYTES) return;
    this.sentBytesPerSecond = bytes / seconds;
    this.copyRate = bytes / Math.max(seconds - this.#waitedNs / 1e9, 1e-6);
  }
}

function roundEndPayload(round: number, pages: number): Uint8Array {
  const payload = Buffer.alloc(ROUND_END_BYTES);
  payload.writeUInt32LE(round, RE_ROUND);
  payload.writeUInt32LE(pages, RE_PAGES);
  return payload;
}
