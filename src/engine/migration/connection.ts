/**
 * One migration socket, either side: messages out, messages in, time-outs, and a close that gives
 * the last word a chance to arrive. Control thread.
 *
 * `onLost` comes at most once, and never after `close`.
 */
import { connect, type Socket } from 'node:net';
import type { HostMemory } from '../memory/host-memory';
import type { Kernel } from '../thread/kernel';
import { MessageReader, type Message, type MessageSlot, type PagePlaces } from './message-reader';
import { MessageWriter } from './message-writer';
import type { MessageType } from './protocol';
import { HEADER_BYTES, NOTICE_MAX_BYTES } from './protocol';
import { noticePayload, parseNotice } from './text-payload';

/** How long a closed connection may take to get its last message across. */
const FAREWELL_MS = 500;
/** How long everything that was sent before an orderly end may take to arrive. */
const LAST_MS = 5000;

/** Slot for messages that are Hello, Refuse or Abort at most. */
export const NOTICE_SLOT_BYTES = HEADER_BYTES + NOTICE_MAX_BYTES;

/** Who takes the bytes of a socket: as they come, or read to where they belong. */
export interface Intake {
  readonly push: (chunk: Uint8Array) => void;
  /** Where the next read goes. */
  readonly room: () => Uint8Array;
  /** So many bytes were read to `room`. */
  readonly took: (bytes: number) => void;
}

/** Makes a socket whose bytes go to the intake. */
export type OpenSocket = (intake: Intake) => Socket;

export interface ConnectionOptions {
  readonly open: OpenSocket;
  readonly kernel: Kernel;
  readonly memory: HostMemory;
  /** Where incoming messages are put together. */
  readonly inbound: MessageSlot;
  /** Where outgoing small messages are composed; in use only inside a call. */
  readonly outbound: number;
  readonly accepts: () => readonly MessageType[];
  /** Where pages belong, of who takes some. */
  readonly places?: PagePlaces;
  /** May throw a refusal: the connection is lost then. */
  readonly onMessage: (message: Message, connection: Connection) => void;
  /** The connection is of no more use: ended, broken, timed out, or its stream is not valid. */
  readonly onLost: (cause: unknown, connection: Connection) => void;
}

export class Connection {
  /** Resolves when the socket is closed and no more memory is read for it. Never rejects. */
  readonly closed: Promise<void>;
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #reader: MessageReader;
  readonly #writer: MessageWriter;
  #isOver = false;
  #isCorrupting = false;

  constructor(options: ConnectionOptions) {
    const { kernel, memory, inbound: slot, accepts, places } = options;
    this.#options = options;
    this.#writer = new MessageWriter(kernel, memory);
    const onMessage = (message: Message): void => options.onMessage(message, this);
    this.#reader = new MessageReader({
      ...{ kernel, memory, slot, accepts, onMessage },
      ...(places && { places }),
    });
    const socket = options.open({
      push: (chunk) => this.#take(() => this.#reader.push(chunk)),
      room: () => this.#reader.room(),
      took: (bytes) => this.#take(() => this.#reader.took(bytes)),
    });
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error) => this.#lose(error));
    socket.on('timeout', () => this.#onTimeout());
    socket.on('close', () => this.#lose(new Error('The other side closed the connection.')));
  }

  /** Nothing is sent or received any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Fault injection: the socket is gone, and nobody closed it in order. */
  cut(): void {
    this.#socket.destroy();
  }

  /** Fault injection: flips one bit of the next message, behind its checksum. */
  corruptNext(): void {
    this.#isCorrupting = true;
  }

  /** Loses the connection after `ms` without a byte in either direction; 0 = never. */
  setIdleTimeout(ms: number): void {
    this.#socket.setTimeout(ms);
  }

  /** Receives into another slot from the next message on. */
  receiveInto(slot: MessageSlot): void {
    this.#reader.moveTo(slot);
  }

  /** The payload of a message that is being handled. */
  view(message: Message): Uint8Array {
    return this.#reader.view(message);
  }

  /** The reason in a Refuse or Abort that is being handled. */
  reasonIn(message: Message): string {
    return parseNotice(this.view(message));
  }

  /** Sends a small message. */
  send(type: MessageType, payload: Uint8Array = new Uint8Array(0)): void {
    if (this.#isOver) return;
    const message = this.#writer.compose(this.#options.outbound, type, payload);
    this.#corrupt(message);
    this.#socket.write(message);
  }

  /**
   * Sends a message from where it lies; `onSent` when that memory may change again (also when the
   * connection ended before).
   * @returns checksum of the message.
   */
  sendInPlace(slot: number, type: MessageType, length: number, onSent: () => void): bigint {
    if (this.#isOver) {
      onSent();
      return 0n;
    }
    const message = this.#writer.seal(slot, type, length);
    this.#corrupt(message);
    this.#socket.write(message, () => onSent());
    return this.#writer.lastChecksum;
  }

  /** Closes, with a last message if there is something to say. Closing twice is harmless. */
  close(type?: typeof MessageType.Refuse | typeof MessageType.Abort, reason = ''): void {
    if (this.#isOver) return;
    this.#over();
    if (type === undefined || !this.#socket.writable) {
      this.#socket.destroy();
      return;
    }
    const { outbound } = this.#options;
    this.#endWith(this.#writer.compose(outbound, type, noticePayload(reason)), FAREWELL_MS);
  }

  /** Sends the last message and closes in order: everything sent before it arrives. Harmless when it is over. */
  sendLast(type: MessageType): void {
    if (this.#isOver) return;
    const message = this.#writer.compose(this.#options.outbound, type, new Uint8Array(0));
    this.#over();
    this.#endWith(message, LAST_MS);
  }

  #over(): void {
    this.#isOver = true;
    // The next read would still go to a page, and its memory is given back now.
    if (this.#reader.isPlacing) this.#socket.pause();
    this.#reader.stop();
  }

  #endWith(message: Uint8Array, withinMs: number): void {
    // The peer may not read any more; what it still sends is read and ignored, or its own write
    // error would hide our last word from it.
    const deadline = setTimeout(() => this.#socket.destroy(), withinMs);
    this.#socket.once('close', () => clearTimeout(deadline));
    this.#socket.setTimeout(0);
    this.#socket.end(message);
  }

  #corrupt(message: Uint8Array): void {
    if (!this.#isCorrupting) return;
    this.#isCorrupting = false;
    message[message.length - 1] = (message.at(-1) ?? 0) ^ 1;
  }

  #take(read: () => void): void {
    try {
      read();
    } catch (error) {
      this.#lose(error);
    }
  }

  #onEnd(): void {
    this.#take(() => this.#reader.end());
    this.#lose(new Error('The other side closed the connection.'));
  }

  #onTimeout(): void {
    this.#lose(new Error(`The other side was silent for ${(this.#socket.timeout ?? 0) / 1000} s.`));
  }

  /** The owner decides what to say; the connection is closed at the latest afterwards. */
  #lose(cause: unknown): void {
    if (this.#isOver) return;
    this.#options.onLost(cause, this);
    this.close();
  }
}

/** A socket that somebody else connected. */
export function accepted(socket: Socket): OpenSocket {
  return ({ push }) => socket.on('data', push);
}

/** Connects to write, and to read a little. */
export function connecting(path: string): OpenSocket {
  return ({ push }) => connect(path).on('data', push);
}

/**
 * Connects to read much: only a socket that connects can read to places of its owner's choice, which
 * is more than twice as fast as buffers that Node makes for each read.
 */
export function connectingToRead(path: string): OpenSocket {
  return ({ room, took }) => {
    const callback = (bytes: number): boolean => {
      took(bytes);
      return true;
    };
    // Its stream has no data then, but must flow to tell its end.
    return connect({ path, onread: { buffer: room, callback } }).resume();
  };
}
