/**
 * The channel to the launcher that started this process: `process.parentPort` in an Electron utility
 * process, the IPC channel in a child of plain Node. Both carry the same messages; they differ in
 * what can be handed over with a page's connection: a message port there, a socket here.
 */
import { Socket } from 'node:net';
import type { HostProcessMessage } from '../contract/connection';
import {
  parentChannelPort,
  type MessagePortLike,
  type ParentChannelPort,
} from '../shared/message-channel-port';

/** A page's connection as the launcher hands it over. */
export type PageHandover = (
  | { readonly carrier: 'port'; readonly port: TransferredPort }
  | { readonly carrier: 'socket'; readonly socket: Socket; readonly head: unknown }
) & { readonly target: HostProcessMessage['target'] };

/** What arrives with an Electron message (`MessagePortMain`). */
export interface TransferredPort extends MessagePortLike {
  start(): void;
  close(): void;
}

/** The launcher, as seen from here. */
export interface ParentChannel {
  /** Carries the control RPC. */
  readonly rpc: ParentChannelPort;
  onHandover(listener: (handover: PageHandover) => void): void;
  /** The launcher is gone. */
  onClose(listener: () => void): void;
}

/** Electron's `process.parentPort`. */
interface ParentPort {
  postMessage(message: HostProcessMessage): void;
  on(event: 'message', listener: (event: ParentPortEvent) => void): void;
}
interface ParentPortEvent {
  readonly data: unknown;
  readonly ports: readonly TransferredPort[];
}

/** Opens the channel that this process was started with. */
export function openParentChannel(): ParentChannel {
  const { parentPort } = process as NodeJS.Process & { readonly parentPort?: ParentPort };
  if (parentPort !== undefined) return openElectronChannel(parentPort);
  if (process.connected) return openNodeChannel();
  throw new Error('This file is started by VMQ Console; it has no use of its own.');
}

function openElectronChannel(parentPort: ParentPort): ParentChannel {
  const rpc = parentChannelPort((data) => parentPort.postMessage({ kind: 'rpc', data }));
  const handovers = new Listeners<PageHandover>();
  parentPort.on('message', ({ data, ports }) => {
    const message = readMessage(data);
    const port = ports[0];
    if (message?.kind === 'rpc') rpc.deliver(message.data);
    else if (message?.kind === 'connect' && port !== undefined) {
      handovers.tell({ target: message.target, carrier: 'port', port });
    }
  });
  // Electron ends utility processes with the launcher; there is nothing to be told.
  return { rpc, onHandover: (listener) => handovers.add(listener), onClose: () => undefined };
}

function openNodeChannel(): ParentChannel {
  const rpc = parentChannelPort((data) => send({ kind: 'rpc', data }));
  const handovers = new Listeners<PageHandover>();
  process.on('message', (data: unknown, handle: unknown) => {
    const message = readMessage(data);
    if (message?.kind === 'rpc') rpc.deliver(message.data);
    else if (message?.kind === 'connect' && handle instanceof Socket) {
      const { target, data: head } = message;
      handovers.tell({ target, carrier: 'socket', socket: handle, head });
    }
  });
  return {
    rpc,
    onHandover: (listener) => handovers.add(listener),
    onClose: (listener) => process.once('disconnect', listener),
  };
}

function send(message: HostProcessMessage): void {
  // An error here means that the launcher is gone, which `disconnect` tells too.
  process.send?.(message, undefined, undefined, () => undefined);
}

function readMessage(data: unknown): HostProcessMessage | undefined {
  if (typeof data !== 'object' || data === null || !('kind' in data)) return undefined;
  return data.kind === 'rpc' || data.kind === 'connect' ? (data as HostProcessMessage) : undefined;
}

class Listeners<Value> {
  readonly #listeners: ((value: Value) => void)[] = [];

  add(listener: (value: Value) => void): void {
    this.#listeners.push(listener);
  }

  tell(value: Value): void {
    for (const listener of this.#listeners) listener(value);
  }
}
