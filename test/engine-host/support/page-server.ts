/** A web server that hands every WebSocket upgrade to an engine process, without asking who it is. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { HostProcessMessage } from '../../../src/contract/connection';
import type { SpawnedProcess } from '../../../src/lab/process/spawner';

type PageTarget = NonNullable<HostProcessMessage['target']>;

export interface PageServer {
  /** Opens a connection as a page does. */
  connect(target: PageTarget): Promise<WebSocket>;
  close(): void;
}

export async function startPageServer(host: SpawnedProcess): Promise<PageServer> {
  const server = createServer();
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, rest: Buffer) => {
    const target = request.url?.slice(1) as PageTarget;
    const { method, url, headers } = request;
    host.post({ kind: 'connect', target, data: { method, url, headers, rest } }, [socket]);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    connect: (target) =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(`ws://127.0.0.1:${String(port)}/${target}`);
        socket.binaryType = 'arraybuffer';
        socket.once('open', () => resolve(socket));
        socket.once('error', reject);
      }),
    close: () => server.close(),
  };
}
