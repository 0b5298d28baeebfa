/**
 * A message port over a channel that carries whole values but is not a port: the parent channel of
 * a child process, a utility process's `parentPort`, or a WebSocket. oRPC's message-port adapters
 * take it on both ends, so a launcher and an engine process wrap their channel the same way:
 *
 *     const channel = parentChannelPort((data) => child.send({ kind: 'rpc', data }));
 *     child.on('message', (message) => channel.deliver(message.data));
 *     child.on('exit', () => channel.close());
 *     const link = new RPCLink({ port: channel.port });            // launcher
 *     new RPCHandler(router).upgrade(channel.port);                // engine process
 *
 * Values that arrive before the first listener are kept for it, so the order of wrapping and
 * listening does not matter. What `send` may throw (the channel is gone) reaches the caller of
 * `postMessage`; a closed port throws there too, so that no call waits for an answer for ever.
 */

/** What a listener gets: the value as `data`, as a DOM message event would have it; nothing on close. */
export interface PortEvent {
  readonly data: unknown;
}

/** The part of a message port that oRPC's adapters use (the form of Electron's `MessagePortMain`). */
export interface MessagePortLike {
  postMessage(data: unknown): void;
  on(event: string, listener: (event?: PortEvent) => void): void;
}

/** Both sides of the wrapper: the port to hand out, and what the owner of the channel calls. */
export interface ParentChannelPort {
  readonly port: MessagePortLike;
  /** Hands a value that arrived on the channel to the port's listeners. Ignored once closed. */
  deliver(data: unknown): void;
  /** Ends the port: pending calls of an RPC client on it reject. Further calls do nothing. */
  close(): void;
}

/** Wraps a channel; `send` puts one value on it. */
export function parentChannelPort(send: (data: unknown) => void): ParentChannelPort {
  const messageListeners: ((event?: PortEvent) => void)[] = [];
  const closeListeners: (() => void)[] = [];
  let early: unknown[] = [];
  let closed = false;

  const port: MessagePortLike = {
    postMessage(data) {
      if (closed) throw new Error('the channel is closed');
      send(data);
    },
    on(event, listener) {
      if (event === 'message') {
        messageListeners.push(listener);
        const kept = early;
        early = [];
        for (const data of kept) listener({ data });
      } else if (event === 'close') {
        if (closed) listener();
        else closeListeners.push(() => listener());
      }
    },
  };

  return {
    port,
    deliver(data) {
      if (closed) return;
      if (messageListeners.length === 0) early.push(data);
      else for (const listener of messageListeners) listener({ data });
    },
    close() {
      if (closed) return;
      closed = true;
      early = [];
      for (const listener of closeListeners) listener();
    },
  };
}
