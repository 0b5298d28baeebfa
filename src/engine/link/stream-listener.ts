/**
 * Listens on a unix socket for streams. A connection waits, paused and unread, until the control
 * thread has made its rings: memory is handed out there alone. Link thread.
 */
import { once } from 'node:events';
import { rm, stat } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';

export class StreamListener {
  readonly #server: Server;
  readonly #waiting = new Map<number, Socket>();
  readonly #nextId: () => number;

  /** @param nextId numbers that are unique on the thread. */
  constructor(nextId: () => number, onConnection: (connectionId: number) => void) {
    this.#nextId = nextId;
    this.#server = createServer({ pauseOnConnect: true }, (socket) => {
      onConnection(this.#hold(socket));
    });
  }

  /** @throws Error of the system, or when somebody listens there already. */
  async listen(socketPath: string): Promise<void> {
    await removeStaleSocket(socketPath);
    this.#server.listen(socketPath);
    // Rejects when `error` comes first.
    await once(this.#server, 'listening');
  }

  /** A waiting connection, which is the caller's from now on; undefined when it is gone. */
  take(connectionId: number): Socket | undefined {
    const socket = this.#waiting.get(connectionId);
    this.#waiting.delete(connectionId);
    socket?.removeAllListeners('error');
    return socket;
  }

  /** Stops listening and drops what waits; accepted connections live on. */
  close(): void {
    this.#server.close();
    for (const socket of this.#waiting.values()) socket.destroy();
    this.#waiting.clear();
  }

  #hold(socket: Socket): number {
    const id = this.#nextId();
    this.#waiting.set(id, socket);
    socket.on('error', () => {
      this.#waiting.delete(id);
    });
    return id;
  }
}

/** A socket file outlives a process that was killed; one that answers is in use. */
async function removeStaleSocket(socketPath: string): Promise<void> {
  const found = await stat(socketPath).catch(() => undefined);
  if (!found) return;
  if (!found.isSocket()) throw new Error(`${socketPath} exists and is no socket`);
  const socket = connect(socketPath);
  const isAnswered = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
  });
  socket.destroy();
  if (isAnswered) throw new Error(`another process listens on ${socketPath}`);
  await rm(socketPath, { force: true });
}
