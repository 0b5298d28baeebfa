/**
 * Batches of pages: taken out of the source's memory, put into the target's. Both sides of the one
 * format stand here; `protocol.ts` has its layout. The copies on the way are private: a page that
 * the guest writes meanwhile is marked again and sent again (`kernel/pages.ts`).
 */
import { PAGE_NUMBER, PAGE_REPEATED, PAGE_SIZE, PAGE_ZERO } from '../kernel/layout';
import type { HostMemory } from '../memory/host-memory';
import type { Kernel } from '../thread/kernel';
import { BATCH_PAGES, P_COPIES, P_COUNT, P_NUMBERS, P_ROUND } from './protocol';
import { streamInvalid } from './refusals';

/** A VM's memory inside the host's. */
export interface VmMemory {
  readonly memory: number;
  readonly memoryBytes: number;
}

/** What `takeBatch` took. */
export interface TakenBatch {
  /** Page numbers in the batch; 0 when no page from there on is dirty. */
  readonly pages: number;
  /** Of these, pages without content and pages of one repeated word. */
  readonly zeroPages: number;
  readonly repeatedPages: number;
  /** Payload of the Pages message. */
  readonly length: number;
  /** Page to go on with. */
  readonly next: number;
}

export function pageCount(vm: VmMemory): number {
  return vm.memoryBytes / PAGE_SIZE;
}

/** Takes the next dirty pages from page `from` on into a payload. */
export function takeBatch(
  kernel: Kernel,
  memory: HostMemory,
  vm: VmMemory,
  { bitmap, from, round, payload }: TakeRequest,
): TakenBatch {
  const numbers = payload + P_NUMBERS;
  const copies = payload + P_COPIES;
  const pages = kernel.takeDirty(
    ...([bitmap, vm.memory, pageCount(vm), from, BATCH_PAGES, numbers, copies] as const),
  );
  memory.setU32(payload + P_COUNT, pages);
  memory.setU32(payload + P_ROUND, round);
  return {
    pages,
    zeroPages: kernel.lastZeroPages(),
    repeatedPages: kernel.lastRepeatedPages(),
    length: (kernel.lastCopiesEnd() >>> 0) - payload,
    next: kernel.lastScan() >>> 0,
  };
}

interface TakeRequest {
  readonly bitmap: number;
  readonly from: number;
  readonly round: number;
  /** Address behind the header of the message. */
  readonly payload: number;
}

/**
 * Puts received batches into the target's memory. Page numbers of a round must rise, so a first
 * round with as many numbers as there are pages has named each page once.
 */
export class PageSink {
  readonly #kernel: Kernel;
  readonly #memory: HostMemory;
  readonly #vm: VmMemory;
  #round = 1;
  #nextPage = 0;
  #roundPages = 0;
  #totalPages = 0;

  constructor(kernel: Kernel, memory: HostMemory, vm: VmMemory) {
    this.#kernel = kernel;
    this.#memory = memory;
    this.#vm = vm;
  }

  /** Rounds that have ended. */
  get rounds(): number {
    return this.#round - 1;
  }

  /** Page numbers received in all rounds. */
  get totalPages(): number {
    return this.#totalPages;
  }

  /** Whether a round has begun and not ended. */
  get isInRound(): boolean {
    return this.#roundPages > 0;
  }

  /**
   * Checks length and numbers of a Pages payload, before its contents have come. Returns where these
   * belong when they are one piece of the VM's memory, else 0.
   *
   * They may be written there before the message's checksum is known: the numbers name pages of this
   * VM only, nothing of it runs, and it is discarded whole when anything is wrong.
   * @throws RefusalError `migration-stream-invalid`
   */
  place(payload: number, length: number): number {
    const memory = this.#memory;
    const count = memory.getU32(payload + P_COUNT);
    const round = memory.getU32(payload + P_ROUND);
    if (round !== this.#round) {
      throw streamInvalid(`Pages: expected round ${this.#round}, got ${round}.`);
    }
    if (count < 1 || count > BATCH_PAGES) {
      throw streamInvalid(`Pages: expected 1 to ${BATCH_PAGES} page numbers, got ${count}.`);
    }
    const numbers = payload + P_NUMBERS;
    const contents = this.#checkNumbers(numbers, count);
    if (length !== P_COPIES + contents) {
      throw streamInvalid(
        `Pages: expected ${P_COPIES + contents} bytes for its numbers, got ${length}.`,
      );
    }
    const first = memory.getU32(numbers) & PAGE_NUMBER;
    const isOnePiece = contents === count * PAGE_SIZE && this.#nextPage - first === count;
    return isOnePiece ? this.#vm.memory + first * PAGE_SIZE : 0;
  }

  /** A Pages payload that was checked by `place` is complete, and its checksum is right. */
  put(payload: number, isPlaced: boolean): void {
    const count = this.#memory.getU32(payload + P_COUNT);
    if (!isPlaced) {
      this.#kernel.putPages(this.#vm.memory, payload + P_NUMBERS, count, payload + P_COPIES);
    }
    this.#roundPages += count;
    this.#totalPages += count;
  }

  /** A round is over. @throws RefusalError `migration-stream-invalid` when pages are missing. */
  endRound(round: number, pages: number): void {
    if (round !== this.#round) {
      throw streamInvalid(`RoundEnd: expected round ${this.#round}, got ${round}.`);
    }
    if (pages !== this.#roundPages) {
      throw streamInvalid(`RoundEnd: expected ${this.#roundPages} pages, got ${pages}.`);
    }
    const all = pageCount(this.#vm);
    if (round === 1 && pages !== all) {
      throw streamInvalid(`RoundEnd: the first round must have all ${all} pages, got ${pages}.`);
    }
    this.#round++;
    this.#nextPage = 0;
    this.#roundPages = 0;
  }

  /** Returns the bytes of content that come with the numbers. */
  #checkNumbers(numbers: number, count: number): number {
    const limit = pageCount(this.#vm);
    let next = this.#nextPage;
    let bytes = 0;
    for (let i = 0; i < count; i++) {
      const number = this.#memory.getU32(numbers + i * 4);
      const page = number & PAGE_NUMBER;
      if (page < next || page >= limit) {
        throw streamInvalid(`Pages: expected a page from ${next} to ${limit - 1}, got ${page}.`);
      }
      bytes += contentBytes(number);
      next = page + 1;
    }
    this.#nextPage = next;
    return bytes;
  }
}

/** @throws RefusalError for both marks at once. */
function contentBytes(number: number): number {
  const isZero = (number & PAGE_ZERO) !== 0;
  const isRepeated = (number & PAGE_REPEATED) !== 0;
  if (isZero && isRepeated) {
    throw streamInvalid(`Pages: page ${number & PAGE_NUMBER} is marked as zero and as repeated.`);
  }
  if (isZero) return 0;
  return isRepeated ? 8 : PAGE_SIZE;
}
