/**
 * Cuts a byte stream into messages and believes nothing: each header field is checked as soon as
 * the header is complete, before a byte of the payload is taken; the payload is handed on only when
 * its checksum is right. Every byte is copied once, into the slot; nothing is allocated per message
 * but the small object that describes it.
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
}

export class MessageReader {
  readonly #options: MessageReaderOptions;
  #slot: MessageSlot;
  #sequence = 0;
  /** Bytes of the message at hand that are in the slot, and bytes that the next step needs. */
  #filled = 0;
  #needed = HEADER_BYTES;
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

  /**
   * Takes what came out of the socket and hands on each message that it completes.
   * @throws RefusalError `migration-stream-invalid`; the reader is stopped then.
   */
  push(chunk: Uint8Array): void {
    try {
      this.#push(chunk);
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /** The stream has ended. @throws RefusalError when it ended inside a message. */
  end(): void {
    if (this.#stopped || this.#filled === 0) return;
    this.stop();
    throw streamInvalid(`It ended ${this.#filled} bytes into a message.`);
  }

  #push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && !this.#stopped) {
      const part = Math.min(this.#needed - this.#filled, chunk.length - at);
      const to = this.#slot.address + this.#filled;
      this.#options.memory.u8.set(chunk.subarray(at, at + part), to);
      at += part;
      this.#filled += part;
      if (this.#filled === HEADER_BYTES) this.#openMessage();
      if (this.#filled === this.#needed) this.#closeMessage();
    }
  }

  /** The header is complete. */
  #openMessage(): void {
    const { memory } = this.#options;
    const at = this.#slot.address;
    expectField('magic', memory.getU32(at + H_MAGIC), MESSAGE_MAGIC);
    expectField('format version', memory.u16[(at + H_VERSION) / 2] ?? 0, FORMAT_VERSION);
    this.#type = this.#checkType(memory.u16[(at + H_TYPE) / 2] ?? 0);
    expectField('sequence number', memory.getU32(at + H_SEQUENCE), this.#sequence);
    this.#needed = HEADER_BYTES + this.#checkLength(memory.getU32(at + H_LENGTH));
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
    const { kernel, memory, onMessage } = this.#options;
    const at = this.#slot.address;
    const field = (at + H_CHECKSUM) / 8;
    const type = this.#type;
    const checksum = memory.u64[field] ?? 0n;
    memory.u64[field] = 0n;
    if (BigInt.asUintN(64, kernel.checksum(at, this.#needed)) !== checksum) {
      throw streamInvalid(`${messageName(type)}: the checksum is wrong.`);
    }
    const length = this.#needed - HEADER_BYTES;
    this.#filled = 0;
    this.#needed = HEADER_BYTES;
    this.#sequence++;
    onMessage({ type, payload: at + HEADER_BYTES, length, checksum });
  }
}

function expectField(name: string, found: number, expected: number): void {
  if (found === expected) return;
  throw streamInvalid(`Header, ${name}: expected ${expected}, got ${found}.`);
}
