/** A peer that says whatever bytes it is given. */
import { connect, type Socket } from 'node:net';
import { PAGE_SIZE } from '../../../../src/engine/kernel/layout';
import type { HostMemory } from '../../../../src/engine/memory/host-memory';
import { MessageWriter } from '../../../../src/engine/migration/message-writer';
import {
  CO_DIGEST,
  CO_PAGES,
  COMPLETE_BYTES,
  H_CHECKSUM,
  H_LENGTH,
  H_TYPE,
  HEADER_BYTES,
  MessageType,
  P_COPIES,
  P_COUNT,
  P_NUMBERS,
  P_ROUND,
  RE_PAGES,
  RE_ROUND,
  ROUND_END_BYTES,
  extendDigest,
} from '../../../../src/engine/migration/protocol';
import { parseNotice, textPayload } from '../../../../src/engine/migration/text-payload';
import type { FakeHost } from './fake-host';

const NOTICES: readonly number[] = [MessageType.Refuse, MessageType.Abort];

export class RawSource {
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #received: Buffer[] = [];

  constructor(path: string) {
    this.#socket = connect(path);
    this.#socket.on('data', (chunk: Buffer) => this.#received.push(chunk));
    this.#socket.on('error', () => this.#socket.destroy());
    this.closed = new Promise((resolve) => this.#socket.once('close', () => resolve()));
  }

  /** Types of the messages that came back. */
  get answers(): number[] {
    return splitMessages(Buffer.concat(this.#received)).map((message) =>
      message.readUInt16LE(H_TYPE),
    );
  }

  /** Reasons in the Refuse and Abort messages that came back. */
  get reasons(): string[] {
    return splitMessages(Buffer.concat(this.#received))
      .filter((message) => NOTICES.includes(message.readUInt16LE(H_TYPE)))
      .map((message) => parseNotice(message.subarray(HEADER_BYTES)));
  }

  say(...messages: readonly Uint8Array[]): this {
    this.#socket.write(Buffer.concat(messages));
    return this;
  }

  /** Says no more. */
  end(): this {
    this.#socket.end();
    return this;
  }
}

/** Cuts a valid stream into its messages. */
export function splitMessages(stream: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at < stream.length;) {
    const end = at + HEADER_BYTES + stream.readUInt32LE(at + H_LENGTH);
    messages.push(stream.subarray(at, end));
    at = end;
  }
  return messages;
}

/** Composes a stream message by message: right headers around whatever payload the test wants. */
export class StreamAuthor {
  digest = 0n;
  readonly #memory: HostMemory;
  readonly #host: FakeHost;
  readonly #slot: number;
  readonly #writer: MessageWriter;

  constructor(host: FakeHost, slot: number) {
    this.#host = host;
    this.#memory = host.memory;
    this.#slot = slot;
    this.#writer = new MessageWriter(host.kernel, host.memory);
  }

  message(type: MessageType, payload: Uint8Array = new Uint8Array(0)): Buffer {
    return this.#writer.compose(this.#slot, type, payload);
  }

  text(type: MessageType, value: unknown): Buffer {
    return this.message(type, textPayload(value));
  }

  /** Pages message with these numbers as they are, and `copies` pages and `words` words of content. */
  pages(
    numbers: readonly number[],
    { round = 1, count = numbers.length, copies = 0, words = 0 } = {},
  ): Buffer {
    const content = copies * PAGE_SIZE + words * 8;
    const payload = Buffer.alloc(P_COPIES + content, 0xaa).fill(0, 0, P_COPIES);
    payload.writeUInt32LE(count, P_COUNT);
    payload.writeUInt32LE(round, P_ROUND);
    for (const [i, number] of numbers.entries()) payload.writeUInt32LE(number, P_NUMBERS + i * 4);
    const message = this.message(MessageType.Pages, payload);
    this.digest = extendDigest(this.digest, this.#writer.lastChecksum);
    return message;
  }

  roundEnd(round: number, pages: number): Buffer {
    const payload = Buffer.alloc(ROUND_END_BYTES);
    payload.writeUInt32LE(round, RE_ROUND);
    payload.writeUInt32LE(pages, RE_PAGES);
    return this.message(MessageType.RoundEnd, payload);
  }

  complete(pages: number, digest = this.digest): Buffer {
    const payload = Buffer.alloc(COMPLETE_BYTES);
    payload.writeBigUInt64LE(digest, CO_DIGEST);
    payload.writeDoubleLE(pages, CO_PAGES);
    return this.message(MessageType.Complete, payload);
  }

  /** A copy of a message with changed bytes and the right checksum again. */
  resealed(message: Buffer, change: (copy: Buffer) => void): Buffer {
    const copy = Buffer.from(message);
    change(copy);
    copy.fill(0, H_CHECKSUM, H_CHECKSUM + 8);
    this.#memory.u8.set(copy, this.#slot);
    const checksum = this.#host.kernel.checksum(this.#slot, copy.length);
    copy.writeBigUInt64LE(BigInt.asUintN(64, checksum), H_CHECKSUM);
    return copy;
  }
}
