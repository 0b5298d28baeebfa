/**
 * Cuts a byte stream into messages and believes nothing: each header field is checked as soon as
 * the header is complete, before a byte of the payload is taken; the payload is handed on only when
 * its checksum is right. Nothing is allocated per message but the small object that describes it.
 *
 * It says where the next bytes belong (`room`), so that a socket can read them to that place. They are
 * put together in the slot, except for the contents of pages, which may lie elsewhere (`PagePlaces`).
 */
import type { HostMemory } from '../memory/host-memory';
import type { Kernel } from '../thread/kernel';
import {
  FORMAT_VERSION,
  H_CHECKSUM,
  H_LENGTH,
  H_MAGIC,
  H_SEQUENCE,
  H_TYPE,
  H_VERSION,
  HEADER_BYTES,
  MESSAGE_MAGIC,
  MessageType,
  PAYLOAD_LIMITS,
  P_COPIES,
  isMessageType,
  messageName,
} from './protocol';
import { streamInvalid } from './refusals';

/** A message whose form is right. Its payload is valid until the handler returns. */
export interface Message {
  readonly type: MessageType;
  /** Address of the payload in the host's memory. */
  readonly payload: number;
  readonly length: number;
  readonly checksum: bigint;
  /** Whether the contents of its pages lie where `PagePlaces` said, not behind the numbers. */
  readonly isPlaced: boolean;
}

/** Who knows where the contents of pages belong. */
export interface PagePlaces {
  /**
   * The numbers of a Pages message have come. Returns the address to which its contents go in one piece,
   * or 0: behind the numbers. What is written there is not verified before the message is whole.
   * @param length of the whole payload.
   * @throws RefusalError `migration-stream-invalid`: no content is taken then.
   */
  place(payload: number, length: number): number;
}

/** Where messages are put together. */
export interface MessageSlot {
  readonly address: number;
  /** Header included. */
  readonly bytes: number;
}

export interface MessageReaderOptions {
  readonly kernel: Kernel;
  readonly memory: HostMemory;
  readonly slot: MessageSlot;
  /** The types that are legal now; asked once for each message. */
  readonly accepts: () => readonly MessageType[];
  readonly onMessage: (message: Message) => void;
  readonly places?: PagePlaces;
}

/** Header and numbers of a Pages message. */
const PAGES_HEAD_BYTES = HEADER_BYTES + P_COPIES;
/** What comes after the end is read to here and not looked at. */
const NOWHERE = new Uint8Array(65_536);

export class MessageReader {
  readonly #options: MessageReaderOptions;
  #slot: MessageSlot;
  #sequence = 0;
  /** Bytes of the message at hand that have come, bytes that the next step needs, and that the message has. */
  #filled = 0;
  #needed = HEADER_BYTES;
  #whole = HEADER_BYTES;
  /** Where its contents go; 0: into the slot. */
  #place = 0;
  #type: MessageType = MessageType.Abort;
  #stopped = false;

  constructor(options: MessageReaderOptions) {
    this.#options = options;
    this.#slot = options.slot;
  }

  /** The payload of a message as bytes over the slot. */
  view(message: Message): Uint8Array {
    const { payload, length } = message;
    return this.#options.memory.u8.subarray(payload, payload + length);
  }

  /** Goes on in another slot. Legal between two messages, so in a handler too. */
  moveTo(slot: MessageSlot): void {
    this.#slot = slot;
  }

  /** Ignores everything from here on, the rest of the present chunk included. */
  stop(): void {
    this.#stopped = true;
  }

  /** Whether the last `room` was outside of the slot, in memory of whoever takes the pages. */
  get isPlacing(): boolean {
    return this.#place !== 0 && !this.#stopped;
  }

  /** Where the next bytes belong, as many as have one place. Valid until they have come. */
  room(): Uint8Array {
    if (this.#stopped) return NOWHERE;
    const start = this.#place === 0 ? this.#slot.address : this.#place - PAGES_HEAD_BYTES;
    return this.#options.memory.u8.subarray(start + this.#filled, start + this.#needed);
  }

  /**
   * So many bytes have come to `room`. Hands on the message when it is complete.
   * @throws RefusalError `migration-stream-invalid`; the reader is stopped then.
   */
  took(bytes: number): void {
    if (this.#stopped) return;
    this.#filled += bytes;
    if (this.#filled < this.#needed) return;
    try {
      this.#goOn();
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /** Takes bytes that lie elsewhere. @throws RefusalError `migration-stream-invalid` */
  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length && !this.#stopped;) {
      const room = this.room();
      const part = Math.min(room.length, chunk.length - at);
      room.set(chunk.subarray(at, at + part));
      at += part;
      this.took(part);
    }
  }

  /** The stream has ended. @throws RefusalError when it ended inside a message. */
  end(): void {
    if (this.#stopped || this.#filled === 0) return;
    this.stop();
    throw streamInvalid(`It ended ${this.#filled} bytes into a message.`);
  }

  /** What the present step needs is there. */
  #goOn(): void {
    if (this.#needed === HEADER_BYTES) this.#openMessage();
    else if (this.#needed === PAGES_HEAD_BYTES && this.#type === MessageType.Pages)
      this.#openContents();
    if (this.#filled === this.#whole) this.#closeMessage();
  }

  /** The header is complete. */
  #openMessage(): void {
    const { memory } = this.#options;
    const at = this.#slot.address;
    expectField('magic', memory.getU32(at + H_MAGIC), MESSAGE_MAGIC);
    expectField('format version', memory.u16[(at + H_VERSION) / 2] ?? 0, FORMAT_VERSION);
    this.#type = this.#checkType(memory.u16[(at + H_TYPE) / 2] ?? 0);
    expectField('sequence number', memory.getU32(at + H_SEQUENCE), this.#sequence);
    this.#whole = HEADER_BYTES + this.#checkLength(memory.getU32(at + H_LENGTH));
    this.#needed = this.#type === MessageType.Pages ? PAGES_HEAD_BYTES : this.#whole;
  }

  /** The numbers of the pages are complete. */
  #openContents(): void {
    const payload = this.#slot.address + HEADER_BYTES;
    this.#needed = this.#whole;
    this.#place = this.#options.places?.place(payload, this.#whole - HEADER_BYTES) ?? 0;
  }

  #checkType(type: number): MessageType {
    const legal = this.#options.accepts();
    if (isMessageType(type) && legal.includes(type)) return type;
    const names = legal.map(messageName).join(', ') || 'nothing';
    throw streamInvalid(`Header, type: expected ${names}, got ${messageName(type)}.`);
  }

  #checkLength(length: number): number {
    const { min, max } = PAYLOAD_LIMITS[this.#type];
    const room = Math.min(max, this.#slot.bytes - HEADER_BYTES);
    if (length >= min && length <= room && length % 8 === 0) return length;
    throw streamInvalid(
      `${messageName(this.#type)}, length: expected a multiple of 8 from ${min} to ${room}, got ${length}.`,
    );
  }

  /** Header and payload are complete. */
  #closeMessage(): void {
    const { memory, onMessage } = this.#options;
    const at = this.#slot.address;
    const field = (at + H_CHECKSUM) / 8;
    const type = this.#type;
    const checksum = memory.u64[field] ?? 0n;
    memory.u64[field] = 0n;
    if (BigInt.asUintN(64, this.#checksum()) !== checksum) {
      throw streamInvalid(`${messageName(type)}: the checksum is wrong.`);
    }
    const length = this.#whole - HEADER_BYTES;
    const isPlaced = this.#place !== 0;
    this.#filled = 0;
    this.#needed = HEADER_BYTES;
    this.#place = 0;
    this.#sequence++;
    onMessage({ type, payload: at + HEADER_BYTES, length, checksum, isPlaced });
  }

  /** Of the message at hand, where it lies. */
  #checksum(): bigint {
    const { kernel } = this.#options;
    const at = this.#slot.address;
    if (this.#place === 0) return kernel.checksum(at, this.#whole);
    const contents = this.#whole - PAGES_HEAD_BYTES;
    return kernel.checksumOfTwo(at, PAGES_HEAD_BYTES, this.#place, contents);
  }
}

function expectField(name: string, found: number, expected: number): void {
  if (found === expected) return;
  throw streamInvalid(`Header, ${name}: expected ${expected}, got ${found}.`);
}
