/**
 * The web server of browser mode: the page's files and its connections, on loopback, for whoever
 * opened the printed address. It knows nothing of the lab but where connections lead.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PageConnections, type PageTargets } from './page-connections';
import { answerPageRequest } from './page-requests';
import { Session } from './session';

const LOOPBACK = '127.0.0.1';

export interface ConsoleServerOptions {
  /** 0 takes any free one. */
  readonly port: number;
  /** Folder of the built page. */
  readonly pageFolder: string;
  readonly targets: PageTargets;
}

export interface ConsoleServer {
  /** The address to open, with its one-time token. */
  readonly address: string;
  /**
   * Stops listening and ends every connection but those of hosts, which end with them. Node counts
   * handed-over sockets as the server's, so there is no end to wait for here.
   */
  close(): void;
}

/** Starts listening. Rejects when the port is taken. */
export async function startConsoleServer(options: ConsoleServerOptions): Promise<ConsoleServer> {
  const server = createServer();
  const port = await listen(server, options.port);
  const session = new Session(port);
  const connections = new PageConnections(session, port, options.targets);
  const { pageFolder } = options;
  server.on('request', (request, response) => {
    answerPageRequest(request, response, { port, session, pageFolder }).catch(() =>
      response.destroy(),
    );
  });
  server.on('upgrade', (request, socket, rest) => connections.accept(request, socket, rest));
  return {
    address: `http://${LOOPBACK}:${String(port)}/?token=${session.token}`,
    close: () => {
      connections.close();
      server.close();
      server.closeAllConnections();
    },
  };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, LOOPBACK, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
