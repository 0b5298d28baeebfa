/**
 * Browser mode: the lab, its processes as children of plain Node, and the web server in front of
 * them, with one way to end it all.
 */
import { join } from 'node:path';
import { RPCHandler } from '@orpc/server/ws';
import type { Logger } from 'pino';
import { Lab } from '../lab/lab';
import { NodeSpawner } from '../lab/process/node-spawner';
import { readProductVersion } from '../lab/product-version';
import { labRouter } from '../lab/router';
import { startConsoleServer, type ConsoleServer } from './console-server';

export interface BrowserModeOptions {
  /** Folder of the program: holds `package.json`, `resources` and `out`. */
  readonly programFolder: string;
  readonly dataFolder: string;
  readonly port: number;
  readonly log: Logger;
}

export interface BrowserMode {
  readonly address: string;
  /** Ends the connections, the hosts and the lab, in this order. */
  close(): Promise<void>;
}

/** Opens the lab and the server; the hosts start in the background. */
export async function startBrowserMode(options: BrowserModeOptions): Promise<BrowserMode> {
  const { programFolder, dataFolder, log } = options;
  const lab = await Lab.open({
    dataFolder,
    resourcesFolder: join(programFolder, 'resources'),
    spawner: new NodeSpawner(join(programFolder, 'out', 'main', 'engine-host.js'), {
      errorOutput: process.stderr,
    }),
  });
  try {
    const server = await serve(lab, options);
    lab
      .start()
      .catch((error: unknown) => log.error({ err: error }, 'the lab could not be started'));
    return {
      address: server.address,
      close: () => {
        server.close();
        return lab.close();
      },
    };
  } catch (error) {
    await lab.close();
    throw error;
  }
}

async function serve(lab: Lab, options: BrowserModeOptions): Promise<ConsoleServer> {
  const { programFolder, port, log } = options;
  const productVersion = await readProductVersion(programFolder);
  const handler = new RPCHandler(labRouter(lab, { productVersion }));
  return startConsoleServer({
    port,
    pageFolder: join(programFolder, 'out', 'renderer'),
    targets: {
      connectLab: (socket) => {
        handler.upgrade(socket).catch((error: unknown) => {
          log.error({ err: error }, 'a page could not be connected to the lab');
          socket.terminate();
        });
      },
      connectHost: (hostId, target, socket, head) =>
        lab.connectPage(hostId, target, [socket], head),
    },
  });
}
