/** Staging memory of one migration: one region of the host's memory on either side, given back at its end. */
import { CACHE_LINE, type HostMemory } from '../memory/host-memory';
import { NOTICE_SLOT_BYTES } from './connection';
import type { MessageSlot } from './message-reader';
import { HEADER_BYTES, PAGES_MAX_BYTES, STATE_MAX_BYTES } from './protocol';

const PAGES_SLOT = lines(HEADER_BYTES + PAGES_MAX_BYTES);
/** So many that the socket always has something to send while the next batch is made. */
const PAGES_SLOTS = 4;
const STATE_SLOT = lines(HEADER_BYTES + STATE_MAX_BYTES);
const NOTICE_SLOT = lines(NOTICE_SLOT_BYTES);

/**
 * Of a source:
 * ```
 * │ outgoing pages × 4 │ outgoing small messages │ incoming │ incoming, second socket │
 * ```
 * Slots of pages are filled while others are on their way.
 */
export class SourceStaging {
  readonly pages: readonly PageSlot[];
  readonly outbound: number;
  readonly inbound: MessageSlot;
  readonly secondInbound: MessageSlot;
  readonly #give: () => void;

  /** @throws RefusalError `host-memory-exhausted` */
  constructor(memory: HostMemory) {
    const start = memory.take(
      PAGES_SLOTS * PAGES_SLOT + STATE_SLOT + 2 * NOTICE_SLOT,
      'A migration',
    );
    this.pages = Array.from(
      { length: PAGES_SLOTS },
      (_, i) => new PageSlot(start + i * PAGES_SLOT),
    );
    this.outbound = start + PAGES_SLOTS * PAGES_SLOT;
    this.inbound = { address: this.outbound + STATE_SLOT, bytes: NOTICE_SLOT };
    this.secondInbound = { address: this.inbound.address + NOTICE_SLOT, bytes: NOTICE_SLOT };
    this.#give = () => memory.give(start);
  }

  give(): void {
    this.#give();
  }
}

/** Room for one Pages message, and whether it is on its way. */
export class PageSlot {
  readonly address: number;
  isBusy = false;

  constructor(address: number) {
    this.address = address;
  }

  /** Where the payload begins. */
  get payload(): number {
    return this.address + HEADER_BYTES;
  }
}

/**
 * Of a target:
 * ```
 * │ incoming │ outgoing small messages │ incoming Hello │ … one for each candidate │
 * ```
 */
export class TargetStaging {
  readonly inbound: MessageSlot;
  readonly outbound: number;
  readonly #freeNoticeSlots: MessageSlot[] = [];
  readonly #give: () => void;

  /** @throws RefusalError `host-memory-exhausted` */
  constructor(memory: HostMemory, candidates: number) {
    const start = memory.take(PAGES_SLOT + (1 + candidates) * NOTICE_SLOT, 'A migration');
    this.inbound = { address: start, bytes: PAGES_SLOT };
    this.outbound = start + PAGES_SLOT;
    for (let i = 1; i <= candidates; i++) {
      this.#freeNoticeSlots.push({ address: this.outbound + i * NOTICE_SLOT, bytes: NOTICE_SLOT });
    }
    this.#give = () => memory.give(start);
  }

  /** A slot for the Hello of one more connection, or undefined. */
  takeNoticeSlot(): MessageSlot | undefined {
    return this.#freeNoticeSlots.pop();
  }

  giveNoticeSlot(slot: MessageSlot): void {
    this.#freeNoticeSlots.push(slot);
  }

  give(): void {
    this.#give();
  }
}

function lines(bytes: number): number {
  return Math.ceil(bytes / CACHE_LINE) * CACHE_LINE;
}
