import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/message-port';
import { oc, eventIterator, type ContractRouterClient } from '@orpc/contract';
import { implement } from '@orpc/server';
import { RPCHandler } from '@orpc/server/message-port';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { parentChannelPort } from '../../src/shared/message-channel-port';

const contract = {
  double: oc.input(z.number()).output(z.number()),
  never: oc.output(z.number()),
  count: oc.output(eventIterator(z.number())),
};

function aConnectedPair() {
  const launcher = parentChannelPort((data) =>
    queueMicrotask(() => process.deliver(structuredClone(data))),
  );
  const process = parentChannelPort((data) =>
    queueMicrotask(() => launcher.deliver(structuredClone(data))),
  );
  const client: ContractRouterClient<typeof contract> = createORPCClient(
    new RPCLink({ port: launcher.port }),
  );
  const serve = (): void => {
    const os = implement(contract);
    const router = os.router({
      double: os.double.handler(({ input }) => input * 2),
      never: os.never.handler(() => new Promise<number>(() => undefined)),
      count: os.count.handler(async function* () {
        for (let n = 1; n <= 3; n += 1) yield await Promise.resolve(n);
      }),
    });
    new RPCHandler(router).upgrade(process.port);
  };
  return { launcher, process, client, serve };
}

describe('parentChannelPort', () => {
  it('carries calls and streams of oRPC', async () => {
    const { client, serve } = aConnectedPair();
    serve();
    expect(await client.double(21)).toBe(42);
    const seen: number[] = [];
    for await (const n of await client.count()) seen.push(n);
    expect(seen).toEqual([1, 2, 3]);
  });

  it('keeps what arrives before somebody listens', async () => {
    const { client, serve } = aConnectedPair();
    const answer = client.double(4);
    await new Promise((resolve) => setTimeout(resolve, 5));
    serve();
    expect(await answer).toBe(8);
  });

  it('rejects a pending call when the channel closes', async () => {
    const { client, serve, launcher } = aConnectedPair();
    serve();
    const answer = client.never();
    const rejected = expect(answer).rejects.toThrow();
    await new Promise((resolve) => setTimeout(resolve, 5));
    launcher.close();
    await rejected;
  });

  it('rejects a call that is made after the channel has closed', async () => {
    const { client, serve, launcher } = aConnectedPair();
    serve();
    launcher.close();
    await expect(client.double(1)).rejects.toThrow();
  });

  it('passes on what the channel throws when it cannot send', async () => {
    const channel = parentChannelPort(() => {
      throw new Error('ERR_IPC_CHANNEL_CLOSED');
    });
    const client: ContractRouterClient<typeof contract> = createORPCClient(
      new RPCLink({ port: channel.port }),
    );
    await expect(client.double(1)).rejects.toThrow('ERR_IPC_CHANNEL_CLOSED');
  });
});
