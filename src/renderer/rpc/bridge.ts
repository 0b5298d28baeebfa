/**
 * Opens one connection to a target: a message port through the preload bridge in the window, a WebSocket
 * in browser mode. This is the only file that knows which of the two it is.
 */
import {
  BRIDGE_NAME,
  WEBSOCKET_PATH,
  type ConsoleBridge,
  type PortMessage,
} from '../../contract/connection';

const OPEN_DEADLINE_MS = 8000;
const PORT_MESSAGE_TYPE: PortMessage['type'] = 'vmq-console/port';

export type Channel =
  | { readonly kind: 'port'; readonly port: MessagePort }
  | { readonly kind: 'socket'; readonly socket: WebSocket };

declare global {
  interface Window {
    readonly [BRIDGE_NAME]?: ConsoleBridge;
  }
}

export interface Platform {
  readonly mode: 'window' | 'browser';
  readonly name: string;
  readonly electronVersion: string;
}

export function platform(): Platform {
  const bridge = window[BRIDGE_NAME];
  if (!bridge) return { mode: 'browser', name: navigator.platform, electronVersion: '' };
  return { mode: 'window', name: bridge.platform, electronVersion: bridge.electronVersion };
}

export function openChannel(target: string, signal: AbortSignal): Promise<Channel> {
  const bridge = window[BRIDGE_NAME];
  return bridge ? openPort(bridge, target, signal) : openSocket(target, signal);
}

export function closeChannel(channel: Channel): void {
  if (channel.kind === 'port') channel.port.close();
  else channel.socket.close();
}

/** Calls `closed` once when the other side closes. Ports of older Chromium never say so. */
export function onChannelClosed(channel: Channel, closed: () => void): void {
  const end = channel.kind === 'port' ? channel.port : channel.socket;
  end.addEventListener('close', closed, { once: true });
}

/** Delivers raw messages (telemetry) and lets them flow. */
export function onChannelMessage(channel: Channel, receive: (data: unknown) => void): void {
  const listener = (event: MessageEvent<unknown>): void => receive(event.data);
  if (channel.kind === 'port') {
    channel.port.addEventListener('message', listener);
    channel.port.start();
  } else {
    channel.socket.binaryType = 'arraybuffer';
    channel.socket.addEventListener('message', listener);
  }
}

function openPort(bridge: ConsoleBridge, target: string, signal: AbortSignal): Promise<Channel> {
  const nonce = crypto.randomUUID();
  return settleOnce<Channel>(target, signal, (resolve) => {
    const listener = (event: MessageEvent<unknown>): void => {
      const port = event.ports[0];
      if (event.source !== window || !port || !isPortMessage(event.data)) return;
      if (event.data.nonce !== nonce || event.data.target !== target) return;
      resolve({ kind: 'port', port });
    };
    window.addEventListener('message', listener);
    bridge.connect(target, nonce);
    return () => window.removeEventListener('message', listener);
  });
}

function openSocket(target: string, signal: AbortSignal): Promise<Channel> {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const socket = new WebSocket(`${scheme}://${location.host}${WEBSOCKET_PATH}${target}`);
  return settleOnce<Channel>(target, signal, (resolve, reject) => {
    socket.addEventListener('open', () => resolve({ kind: 'socket', socket }), { once: true });
    socket.addEventListener(
      'close',
      () => reject(new Error(`The connection to ${target} was closed.`)),
      { once: true },
    );
    return (opened) => {
      if (!opened) socket.close();
    };
  });
}

/** Reason of an abort that is no failure: the connection is open. */
const OPENED = 'opened';

type Start<Value> = (
  resolve: (value: Value) => void,
  reject: (error: Error) => void,
) => (settled: boolean) => void;

/** A promise that also ends at the deadline or when `signal` aborts, and cleans up exactly once. */
function settleOnce<Value>(
  target: string,
  signal: AbortSignal,
  start: Start<Value>,
): Promise<Value> {
  const settled = new AbortController();
  return new Promise<Value>((resolve, reject) => {
    const fail = (error: Error): void => {
      settled.abort();
      reject(error);
    };
    const seconds = String(OPEN_DEADLINE_MS / 1000);
    const late = (): void =>
      fail(new Error(`No connection to ${target} within ${seconds} seconds.`));
    const timer = setTimeout(late, OPEN_DEADLINE_MS);
    settled.signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
    signal.addEventListener(
      'abort',
      () => fail(new Error(`The connection to ${target} was aborted.`)),
      {
        once: true,
        signal: settled.signal,
      },
    );
    const succeed = (value: Value): void => {
      settled.abort(OPENED);
      resolve(value);
    };
    const cleanUp = start(succeed, fail);
    settled.signal.addEventListener('abort', () => cleanUp(settled.signal.reason === OPENED), {
      once: true,
    });
  });
}

function isPortMessage(data: unknown): data is PortMessage {
  if (typeof data !== 'object' || data === null) return false;
  const message = data as Partial<Record<keyof PortMessage, unknown>>;
  return (
    message.type === PORT_MESSAGE_TYPE &&
    typeof message.nonce === 'string' &&
    typeof message.target === 'string'
  );
}
