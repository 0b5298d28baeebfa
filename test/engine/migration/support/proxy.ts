/** A socket between source and target: records what the source says, and can be cut or stalled. */
import { connect, createServer, type Server, type Socket } from 'node:net';

export class Proxy {
  readonly path: string;
  readonly recorded: Buffer[] = [];
  readonly #server: Server;
  readonly #sockets: Socket[] = [];

  static async open(path: string, target: string): Promise<Proxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return new Proxy(server, path, target);
  }

  private constructor(server: Server, path: string, target: string) {
    this.#server = server;
    this.path = path;
    server.on('connection', (source) => this.#join(source, connect(target)));
  }

  /** Both sides see the other one die. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  /** Nothing passes any more, and nobody is told. */
  stall(): void {
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  #join(source: Socket, target: Socket): void {
    source.on('data', (chunk: Buffer) => this.recorded.push(chunk));
    source.pipe(target);
    target.pipe(source);
    for (const socket of [source, target]) {
      socket.on('error', () => {
        source.destroy();
        target.destroy();
      });
    }
    this.#sockets.push(source, target);
  }
}
