/**
 * Hands out ports. The page asks for a target over the one channel that it has; it gets one end of a
 * new message channel, the lab (here) or a host (its own process) gets the other. Nothing is relayed.
 */
import { RPCHandler } from '@orpc/server/message-port';
import { ipcMain, MessageChannelMain, type MessagePortMain, type WebContents } from 'electron';
import { CHANNEL_CONNECT, CHANNEL_PORT, type PortMessage } from '../contract/connection';
import { RefusalError } from '../shared/refusal-error';
import { isOwnPage, readConnectRequest, type ConnectRequest } from './connect-request';
import type { OpenLab } from './lab-start';
import { log } from './log';
import { absentHostRouter } from './absent-host';

export interface ConnectOptions {
  /** The one window's page, or undefined while there is none. */
  readonly page: () => WebContents | undefined;
  /** The only origin that may ask. */
  readonly pageOrigin: string;
  readonly lab: Promise<OpenLab>;
}

/** Answers requests for connections from now on. */
export function answerConnectRequests(options: ConnectOptions): void {
  const { page, pageOrigin, lab } = options;
  ipcMain.on(CHANNEL_CONNECT, (event, target: unknown, nonce: unknown) => {
    if (!isOwnPage(event, page(), pageOrigin)) {
      log.warn({ url: event.senderFrame?.url }, 'a connection was asked for by a stranger');
      return;
    }
    const request = readConnectRequest(target, nonce);
    if (request === undefined) {
      log.warn('a malformed request for a connection was ignored');
      return;
    }
    connect(event.sender, request, lab).catch((error: unknown) =>
      log.error({ err: error, target }, 'a connection could not be made'),
    );
  });
}

async function connect(
  page: WebContents,
  { target, nonce }: ConnectRequest,
  opening: Promise<OpenLab>,
): Promise<void> {
  const { lab, router } = await opening;
  if (page.isDestroyed()) return;
  const { port1, port2 } = new MessageChannelMain();
  const [kind, hostId] = target.split('/');
  if (hostId === undefined) {
    new RPCHandler(router).upgrade(port1);
    port1.start();
  } else {
    connectHost(lab, hostId, kind === 'host' ? 'view' : 'telemetry', port1);
  }
  const message: PortMessage = { type: 'vmq-console/port', nonce, target };
  page.postMessage(CHANNEL_PORT, message, [port2]);
}

function connectHost(
  lab: OpenLab['lab'],
  hostId: string,
  target: 'view' | 'telemetry',
  port: MessagePortMain,
): void {
  try {
    lab.connectPage(hostId, target, [port]);
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    if (target === 'view') {
      new RPCHandler(absentHostRouter(error.refusal)).upgrade(port);
      port.start();
    } else port.close();
  }
}
