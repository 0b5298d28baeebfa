/**
 * One connected socket between two wire rings, with QEMU's stream framing: a 4-byte big-endian
 * length, then the frame. Link thread; used by the connecting and by the accepting end alike.
 *
 * Neither direction loses frames of its own: a full wire ring pauses the socket, and a full socket
 * leaves frames in the ring, where its producer counts what does not fit.
 */
import type { Socket } from 'node:net';
import { LinkCounters } from './link-counters';
import { SCRATCH_BYTES, type DuplexPlace } from './link-protocol';
import type { LinkContext } from './thread-link';
import { Ticker } from './ticker';
import { WireOutlet, type Drained } from './wire-outlet';

/** The kernel's answer to a length that no frame has. */
const FRAMING_ERROR = 0xffffffff;
const LENGTH_BYTES = 4;
const LONGEST_FRAME = 65_535;
/** One write to the socket; about what a unix socket takes at once. */
const WRITE_BYTES = 131_072;
/** How soon a full wire ring is looked at again. */
const RETRY_MS = 1;
const NOTHING = new Uint8Array(0);

/** Why a session ended. */
export interface SessionEnd {
  /** True: the peer broke the framing, and nothing it sends can be understood any more. */
  readonly isFault: boolean;
  readonly reason: string;
}

export class StreamSession {
  readonly #context: LinkContext;
  readonly #socket: Socket;
  readonly #place: DuplexPlace;
  readonly #counters: LinkCounters;
  readonly #onEnd: (end: SessionEnd) => void;
  readonly #outlet: WireOutlet;
  readonly #retry = new Ticker(() => {
    this.#deliver();
  });
  /** Received and not on the ring yet: part of a frame, or more while the ring is full. */
  #backlog: Uint8Array = NOTHING;
  #reason = 'The peer closed the connection.';
  #isFault = false;
  #isOver = false;

  /** Takes a connected socket; `onEnd` is called once, unless `close` came first. */
  constructor(
    context: LinkContext,
    socket: Socket,
    place: DuplexPlace,
    onEnd: (end: SessionEnd) => void,
  ) {
    this.#context = context;
    this.#socket = socket;
    this.#place = place;
    this.#counters = new LinkCounters(context.views, place.block);
    this.#onEnd = onEnd;
    this.#outlet = new WireOutlet(context.views, place.outRing, () => this.#send());
    socket.on('data', (chunk: Buffer) => {
      this.#receive(chunk);
    });
    socket.on('drain', () => {
      this.#outlet.resume();
    });
    socket.on('end', () => {
      if (this.#backlog.length > 0) {
        this.#reason = `The peer closed the connection in the middle of a frame, after ${this.#backlog.length} bytes of it.`;
      }
    });
    socket.on('error', (error) => {
      this.#reason = `The connection broke: ${error.message}.`;
    });
    socket.on('close', () => {
      this.#finish();
    });
    socket.resume();
    this.#outlet.resume();
  }

  /** Ends without a report. Frames that wait in the rings stay there. */
  close(): void {
    this.#release();
    this.#socket.destroy();
  }

  #receive(chunk: Uint8Array): void {
    if (this.#isOver) return;
    this.#backlog = this.#backlog.length === 0 ? chunk : Buffer.concat([this.#backlog, chunk]);
    this.#deliver();
  }

  /** Puts whole frames of the backlog on the wire ring. */
  #deliver(): void {
    let taken: number;
    do {
      taken = this.#deframe();
      if (taken < 0) {
        this.#fail();
        return;
      }
      this.#backlog = this.#backlog.subarray(taken);
    } while (taken > 0);
    this.#context.account();
    if (hasWholeFrame(this.#backlog)) {
      // The wire ring is full.
      this.#socket.pause();
      this.#retry.schedule(RETRY_MS);
    } else if (this.#socket.isPaused()) this.#socket.resume();
  }

  /** Bytes that went to the ring; -1 on a framing error. */
  #deframe(): number {
    const { views, kernel, clock } = this.#context;
    const { inRing, scratch } = this.#place;
    const part = this.#backlog.subarray(0, SCRATCH_BYTES);
    views.u8.set(part, scratch);
    const taken = kernel.deframe(inRing, scratch, part.length, clock()) >>> 0;
    this.#counters.countIn(kernel.lastFrames(), kernel.lastBytes());
    return taken === FRAMING_ERROR ? -1 : taken;
  }

  #send(): Drained {
    const { views, kernel } = this.#context;
    const { outRing, scratch } = this.#place;
    if (!this.#socket.writable || this.#socket.writableNeedDrain) return 'blocked';
    const bytes = kernel.enframe(outRing, scratch, WRITE_BYTES) >>> 0;
    if (bytes === 0) return 'empty';
    this.#counters.countOut(kernel.lastFrames(), kernel.lastBytes());
    const isTaken = this.#socket.write(Buffer.from(views.u8.subarray(scratch, scratch + bytes)));
    this.#context.account();
    return isTaken ? 'moved' : 'blocked';
  }

  #fail(): void {
    this.#isFault = true;
    this.#reason = `The peer announced a frame of ${announcedLength(this.#backlog)} bytes; expected 1 to ${LONGEST_FRAME}.`;
    this.#socket.destroy();
    this.#finish();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#release();
    this.#onEnd({ isFault: this.#isFault, reason: this.#reason });
  }

  #release(): void {
    this.#isOver = true;
    this.#retry.cancel();
    this.#outlet.close();
  }
}

function announcedLength(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(0);
}

function hasWholeFrame(bytes: Uint8Array): boolean {
  return bytes.length >= LENGTH_BYTES && bytes.length >= LENGTH_BYTES + announcedLength(bytes);
}
