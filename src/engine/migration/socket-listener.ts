/** A socket on which one side waits for the other: in the lab's folder, for this user only, gone afterwards. */
import { chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { RefusalError } from '../../shared/refusal-error';
import { migrationFailed, reasonOf } from './refusals';

/** What every platform takes as the path of a unix socket. */
const PATH_MAX_BYTES = 100;
const OWNER_ONLY = 0o600;

export class SocketListener {
  readonly path: string;
  /** Resolves when it is closed and no connection of it is open. Never rejects. */
  readonly closed: Promise<void>;
  readonly #server: Server;

  /** @throws RefusalError `invalid-value` for a path that is too long, else `migration-failed`. */
  static async open(folder: string, name: string, vmId: string): Promise<SocketListener> {
    const path = join(folder, name);
    checkPath(path);
    const server = createServer();
    try {
      await listen(server, path);
    } catch (cause) {
      server.close();
      throw migrationFailed(vmId, `The host cannot listen on ${path}: ${reasonOf(cause)}.`, cause);
    }
    return new SocketListener(server, path);
  }

  private constructor(server: Server, path: string) {
    this.#server = server;
    this.path = path;
    this.closed = new Promise((resolve) => server.once('close', () => resolve()));
  }

  onConnection(take: (socket: Socket) => void): void {
    this.#server.on('connection', take);
  }

  /** Takes no more connections and removes the socket; open connections stay. */
  close(): void {
    if (this.#server.listening) this.#server.close();
  }
}

function checkPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes <= PATH_MAX_BYTES) return;
  throw new RefusalError({
    code: 'invalid-value',
    what: `The migration socket ${path} cannot be made.`,
    why: `Its path may have ${PATH_MAX_BYTES} bytes; it has ${bytes}.`,
    remedy: 'Use a shorter folder for the sockets of this lab.',
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
    // In the same turn as the bind, so that nobody else can have connected.
    if (server.listening) chmodSync(path, OWNER_ONLY);
  });
}
