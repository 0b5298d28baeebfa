/**
 * A capture as batches of ready records in host memory, which the kernel's `replay` reads. The region
 * has two halves: one is played while the other is filled from the file. A capture that fits into
 * both stays there, and is played again without being parsed again. Link thread.
 *
 * ```
 *  fill ─▶ half 0 ─▶ half 1 ─▶ (waits until half 0 is released) ─▶ half 0 ─▶ …
 *  next ─▶          half 0 ── release ─▶ half 1 ── release ─▶ …            ─▶ end of a pass
 * ```
 */
import { B_FRAME, B_LENGTH, B_TIME } from '../kernel/layout';
import { KIB, MIB } from '../../shared/units';
import type { MemoryViews } from '../memory/host-memory';
import { readCapture } from './capture/open-capture';

/** Region of a replay. */
export const REPLAY_REGION_BYTES = 8 * MIB;

const CHUNK_BYTES = 256 * KIB;
/**
 * More than the records of one chunk: a record takes less than twice its bytes in the file, and the
 * first one of a chunk may have begun in chunks before.
 */
const CHUNK_RECORDS_BYTES = MIB;
/** The longest frame that wire rings carry; what is longer is cut, and is malformed to every receiver. */
const LONGEST_FRAME = 65_535;

/** Records from `start` up to `end`. */
export interface Batch {
  readonly start: number;
  readonly end: number;
}

/** Thrown into the reader when the replay goes away; never seen outside. */
class Abandoned extends Error {}

export class CaptureBatches {
  readonly #views: MemoryViews;
  readonly #path: string;
  readonly #halves: readonly [number, number];
  readonly #halfBytes: number;
  #pass: Pass | undefined;
  /** Told when a batch is ready after `next` had none. */
  onReady: () => void = () => undefined;

  constructor(views: MemoryViews, region: number, regionBytes: number, path: string) {
    this.#views = views;
    this.#path = path;
    this.#halfBytes = regionBytes / 2;
    this.#halves = [region, region + this.#halfBytes];
  }

  /**
   * Starts a pass over the capture; resolves once both halves are filled, or the whole capture is in.
   * @throws CaptureError
   */
  async open(): Promise<void> {
    await this.close();
    const pass = new Pass(this.#views, this.#halves, this.#halfBytes, () => {
      this.onReady();
    });
    this.#pass = pass;
    await pass.begin(this.#path);
  }

  /** The next batch, which stays valid until `release`; undefined when it is not there yet, or none is left. */
  next(): Batch | undefined {
    return this.#pass?.next();
  }

  /** The batch that `next` gave has been played. */
  release(): void {
    this.#pass?.release();
  }

  /** Why the file could not be read further; undefined while it could. */
  get failure(): Error | undefined {
    return this.#pass?.failure;
  }

  /** All batches of the capture have been played. */
  get isAtEnd(): boolean {
    return this.#pass?.isAtEnd ?? false;
  }

  /** Frames of the whole capture, and the time of the last one. Once the pass is at its end. */
  get frames(): number {
    return this.#pass?.frames ?? 0;
  }
  get lastTimeNs(): number {
    return this.#pass?.lastTimeNs ?? 0;
  }

  /** The whole capture lies in the region: `rewind` is enough for another pass. */
  get isWhole(): boolean {
    return this.#pass?.isWhole ?? false;
  }

  /** Goes back to the first record. Only while the capture is whole. */
  rewind(): void {
    this.#pass?.rewind();
  }

  /** Once it resolves, the region is not written any more. */
  async close(): Promise<void> {
    const pass = this.#pass;
    this.#pass = undefined;
    await pass?.abandon();
  }
}

/** One reading of the file. */
class Pass {
  readonly #views: MemoryViews;
  readonly #halves: readonly [number, number];
  readonly #halfBytes: number;
  readonly #onReady: () => void;
  readonly #abort = new AbortController();
  readonly #batches: Batch[] = [];
  #filling = 0;
  #at: number;
  #played = 0;
  #isRead = false;
  #reading: Promise<void> = Promise.resolve();
  /** Both halves are full, and the reader waits for one; called with a half released. */
  #onReleased: (() => void) | undefined;
  #onFull: () => void = () => undefined;
  failure: Error | undefined;
  frames = 0;
  lastTimeNs = 0;

  constructor(
    views: MemoryViews,
    halves: readonly [number, number],
    halfBytes: number,
    onReady: () => void,
  ) {
    this.#views = views;
    this.#halves = halves;
    this.#halfBytes = halfBytes;
    this.#onReady = onReady;
    this.#at = halves[0];
  }

  /** The whole capture lies in the region. */
  get isWhole(): boolean {
    return this.#isRead && this.#filling < this.#halves.length;
  }

  get isAtEnd(): boolean {
    return this.#isRead && this.#played === this.#batches.length;
  }

  async begin(path: string): Promise<void> {
    const full = new Promise<void>((resolve) => {
      this.#onFull = resolve;
    });
    this.#reading = this.#read(path);
    await Promise.race([this.#reading, full]);
    if (this.failure) throw this.failure;
  }

  next(): Batch | undefined {
    return this.#batches[this.#played];
  }

  release(): void {
    this.#played += 1;
    const onReleased = this.#onReleased;
    this.#onReleased = undefined;
    onReleased?.();
  }

  rewind(): void {
    this.#played = 0;
  }

  async abandon(): Promise<void> {
    this.#abort.abort(new Abandoned());
    this.#onReleased?.();
    await this.#reading;
  }

  async #read(path: string): Promise<void> {
    try {
      await readCapture(
        path,
        (timeNs, bytes, offset, length) => {
          this.#put(timeNs, bytes, offset, Math.min(length, LONGEST_FRAME));
        },
        {
          chunkBytes: CHUNK_BYTES,
          timestampOrigin: 'first-frame',
          signal: this.#abort.signal,
          afterChunk: () => this.#makeRoom(),
        },
      );
      this.#isRead = true;
    } catch (cause) {
      if (!(cause instanceof Abandoned)) {
        this.failure = cause instanceof Error ? cause : new Error(String(cause));
      }
    }
    // Frames before a damaged place are played too.
    this.#finishBatch();
    this.#onReady();
  }

  #put(timeNs: number, bytes: Uint8Array, offset: number, length: number): void {
    const views = this.#views;
    views.setF64(this.#at + B_TIME, timeNs);
    views.setU32(this.#at + B_LENGTH, length);
    views.u8.set(bytes.subarray(offset, offset + length), this.#at + B_FRAME);
    this.#at += (B_FRAME + length + 15) & ~15;
    this.frames += 1;
    this.lastTimeNs = timeNs;
  }

  get #start(): number {
    return this.#halves[this.#filling % 2 === 0 ? 0 : 1];
  }

  #finishBatch(): void {
    if (this.#at > this.#start) this.#batches.push({ start: this.#start, end: this.#at });
  }

  /** After each chunk: the next one must fit into the half, or goes to the other one. */
  async #makeRoom(): Promise<void> {
    if (this.#at - this.#start + CHUNK_RECORDS_BYTES <= this.#halfBytes) return;
    this.#finishBatch();
    this.#onReady();
    this.#filling += 1;
    if (this.#filling - this.#played >= this.#halves.length) {
      this.#onFull();
      await new Promise<void>((resolve) => {
        this.#onReleased = resolve;
        if (this.#abort.signal.aborted) resolve();
      });
    }
    this.#at = this.#start;
  }
}
