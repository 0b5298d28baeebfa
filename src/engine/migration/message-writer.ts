/** Writes the headers of one direction of a migration socket. Control thread. */
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
  PAYLOAD_LIMITS,
  messageName,
  type MessageType,
} from './protocol';

export class MessageWriter {
  readonly #kernel: Kernel;
  readonly #memory: HostMemory;
  #sequence = 0;
  #lastChecksum = 0n;

  constructor(kernel: Kernel, memory: HostMemory) {
    this.#kernel = kernel;
    this.#memory = memory;
  }

  /** Checksum of the message that was sealed last. */
  get lastChecksum(): bigint {
    return this.#lastChecksum;
  }

  /**
   * Writes the header at `slot` over a payload that lies behind it already.
   * @returns the message itself, not a copy: the slot must not change before it was sent.
   */
  seal(slot: number, type: MessageType, length: number): Uint8Array {
    checkLength(type, length);
    const { u16, u64 } = this.#memory;
    this.#memory.setU32(slot + H_MAGIC, MESSAGE_MAGIC);
    u16[(slot + H_VERSION) / 2] = FORMAT_VERSION;
    u16[(slot + H_TYPE) / 2] = type;
    this.#memory.setU32(slot + H_LENGTH, length);
    this.#memory.setU32(slot + H_SEQUENCE, this.#sequence++);
    u64[(slot + H_CHECKSUM) / 8] = 0n;
    this.#lastChecksum = BigInt.asUintN(64, this.#kernel.checksum(slot, HEADER_BYTES + length));
    u64[(slot + H_CHECKSUM) / 8] = this.#lastChecksum;
    return this.#memory.u8.subarray(slot, slot + HEADER_BYTES + length);
  }

  /** A small message, composed at `slot` and copied out of it, so that the slot is free again. */
  compose(slot: number, type: MessageType, payload: Uint8Array): Buffer {
    checkLength(type, payload.length);
    this.#memory.u8.set(payload, slot + HEADER_BYTES);
    return Buffer.from(this.seal(slot, type, payload.length));
  }
}

function checkLength(type: MessageType, length: number): void {
  const { min, max } = PAYLOAD_LIMITS[type];
  if (length % 8 === 0 && length >= min && length <= max) return;
  throw new RangeError(`${messageName(type)}: a payload of ${length} bytes cannot be sent`);
}
