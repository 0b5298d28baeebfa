/**
 * What a target does with the messages of an accepted source, up to the point where everything has
 * arrived and is verified. Pure bookkeeping over the host memory: no socket, no time. Everything is
 * checked before it is used; what is wrong is thrown as `migration-stream-invalid`.
 */
import type { HostMemory } from '../memory/host-memory';
import type { Kernel } from '../thread/kernel';
import { parseDeviceState, type DeviceState } from './device-state';
import type { Message, PagePlaces } from './message-reader';
import { PageSink, type VmMemory } from './page-batch';
import {
  CO_DIGEST,
  CO_PAGES,
  MAX_ROUNDS,
  MessageType,
  RE_PAGES,
  RE_ROUND,
  extendDigest,
  messageName,
} from './protocol';
import { streamInvalid } from './refusals';
import { readTextPayload } from './text-payload';

export class ImageReceiver implements PagePlaces {
  readonly #memory: HostMemory;
  readonly #vm: VmMemory;
  readonly #pages: PageSink;
  #digest = 0n;
  #state: DeviceState | undefined;

  constructor(kernel: Kernel, memory: HostMemory, vm: VmMemory) {
    this.#memory = memory;
    this.#vm = vm;
    this.#pages = new PageSink(kernel, memory, vm);
  }

  /** Where the contents of a batch belong; 0: behind its numbers. */
  place(payload: number, length: number): number {
    return this.#pages.place(payload, length);
  }

  /** A batch of pages. */
  takePages({ payload, checksum, isPlaced }: Message): void {
    this.#pages.put(payload, isPlaced);
    this.#digest = extendDigest(this.#digest, checksum);
  }

  endRound({ payload }: Message): void {
    if (this.#pages.rounds >= MAX_ROUNDS) {
      throw streamInvalid(`RoundEnd: expected at most ${MAX_ROUNDS} rounds.`);
    }
    const round = this.#memory.getU32(payload + RE_ROUND);
    this.#pages.endRound(round, this.#memory.getU32(payload + RE_PAGES));
  }

  /** The device state; pages must not follow it. */
  takeState(bytes: Uint8Array): void {
    if (this.#pages.rounds === 0 || this.#pages.isInRound) {
      throw streamInvalid(`${messageName(MessageType.State)}: it came inside a round.`);
    }
    this.#state = parseDeviceState(readTextPayload(bytes, 'State'), this.#vm.memoryBytes);
  }

  /** The end: compares what was received with what the source says that it sent. */
  complete({ payload }: Message): DeviceState {
    const state = this.#state;
    if (!state) throw streamInvalid('Complete: it came before the device state.');
    const pages = this.#memory.getF64(payload + CO_PAGES);
    if (pages !== this.#pages.totalPages) {
      throw streamInvalid(`Complete: expected ${this.#pages.totalPages} pages, got ${pages}.`);
    }
    if (this.#memory.u64[(payload + CO_DIGEST) / 8] !== this.#digest) {
      throw streamInvalid('Complete: the digest of all pages is wrong.');
    }
    return state;
  }
}
