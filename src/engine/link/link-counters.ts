/**
 * What a link has moved, in a block of host memory: written by the link thread, read by the control
 * thread at any time, without a message. Counts are doubles, exact up to 2^53.
 */
import type { MemoryViews } from '../memory/host-memory';

const FRAMES_IN = 0;
const BYTES_IN = 8;
const LOOPS = 16;
const FRAMES_OUT = 24;
const BYTES_OUT = 32;
export const LINK_BLOCK_SIZE = 64;

/** Counts of a link; `in` is what it put on its wire ring, `out` what it took from the other one. */
export interface LinkCounts {
  readonly framesIn: number;
  readonly bytesIn: number;
  readonly framesOut: number;
  readonly bytesOut: number;
  readonly loops: number;
}

/** Reads a block. Any thread; each count may be late by itself. */
export function readLinkCounts(views: MemoryViews, block: number): LinkCounts {
  return {
    framesIn: views.getF64(block + FRAMES_IN),
    bytesIn: views.getF64(block + BYTES_IN),
    framesOut: views.getF64(block + FRAMES_OUT),
    bytesOut: views.getF64(block + BYTES_OUT),
    loops: views.getF64(block + LOOPS),
  };
}

/** The writing side. Link thread. */
export class LinkCounters {
  readonly #views: MemoryViews;
  readonly #block: number;

  constructor(views: MemoryViews, block: number) {
    this.#views = views;
    this.#block = block;
  }

  countIn(frames: number, bytes: number): void {
    this.#add(FRAMES_IN, frames);
    this.#add(BYTES_IN, bytes);
  }

  countOut(frames: number, bytes: number): void {
    this.#add(FRAMES_OUT, frames);
    this.#add(BYTES_OUT, bytes);
  }

  countLoop(): void {
    this.#add(LOOPS, 1);
  }

  #add(offset: number, amount: number): void {
    const address = this.#block + offset;
    this.#views.setF64(address, this.#views.getF64(address) + amount);
  }
}
