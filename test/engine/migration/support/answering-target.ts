/** A target that answers a real source with whatever bytes it is given. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import {
  H_LENGTH,
  H_TYPE,
  HEADER_BYTES,
  MessageType,
} from '../../../../src/engine/migration/protocol';
import { parseHello, parseNotice } from '../../../../src/engine/migration/text-payload';

export class AnsweringTarget {
  readonly path: string;
  readonly #server: Server;
  readonly #sockets: Socket[] = [];
  #heard = Buffer.alloc(0);
  #heardMore: (() => void) | undefined;
  /** What the answers go to: the source's socket, or one of its own to the source. */
  #answers: Socket | undefined;

  static async open(path: string): Promise<AnsweringTarget> {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return new AnsweringTarget(server, path);
  }

  private constructor(server: Server, path: string) {
    this.#server = server;
    this.path = path;
    server.on('connection', (socket) => this.#listenTo(socket));
  }

  /** Resolves when the source has said this; opens the second socket when the Hello names one. */
  async heard(type: MessageType): Promise<Buffer> {
    for (;;) {
      const found = this.#messages().find((message) => message.readUInt16LE(H_TYPE) === type);
      if (found) return found;
      await new Promise<void>((resolve) => {
        this.#heardMore = resolve;
      });
    }
  }

  /** Answers the Hello: from now on `say` reaches the source. */
  async meet(): Promise<void> {
    const hello = parseHello((await this.heard(MessageType.Hello)).subarray(HEADER_BYTES));
    const [first] = this.#sockets;
    if (!first) throw new Error('nobody has connected');
    this.#answers = first;
    if (hello.back === null) return;
    // What comes on the second socket has its own sequence; the Hello was all of the first.
    this.#heard = Buffer.alloc(0);
    const second = connect({ path: join(dirname(this.path), hello.back), allowHalfOpen: true });
    this.#listenTo(second);
    this.#answers = second;
  }

  say(...messages: readonly Uint8Array[]): void {
    this.#answers?.write(Buffer.concat(messages));
  }

  /** Says no more. */
  end(): void {
    this.#answers?.end();
  }

  /** Why the source gave up. */
  async reason(): Promise<string> {
    return parseNotice((await this.heard(MessageType.Abort)).subarray(HEADER_BYTES));
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #listenTo(socket: Socket): void {
    this.#sockets.push(socket);
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      this.#heard = Buffer.concat([this.#heard, chunk]);
      this.#heardMore?.();
    });
  }

  /** Whole messages so far. */
  #messages(): Buffer[] {
    const messages: Buffer[] = [];
    for (let at = 0; at + HEADER_BYTES <= this.#heard.length;) {
      const end = at + HEADER_BYTES + this.#heard.readUInt32LE(at + H_LENGTH);
      if (end > this.#heard.length) break;
      messages.push(this.#heard.subarray(at, end));
      at = end;
    }
    return messages;
  }
}
