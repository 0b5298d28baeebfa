/** Stream links over real unix sockets, on the test's own thread. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { StreamClient } from '../../../src/engine/link/stream-links';
import { makeTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder';
import {
  aFrame,
  aLinkContext,
  areSame,
  framed,
  takeAll,
  until,
  type LinkSurroundings,
} from './a-link-context';

let folder: TemporaryFolder;
let path: string;
let link: LinkSurroundings;
let client: StreamClient;
let server: Server | undefined;
let sockets: Socket[];

beforeEach(async () => {
  folder = makeTemporaryFolder('stream');
  path = join(folder.path, 'peer.sock');
  link = await aLinkContext();
  client = new StreamClient(link.context, link.place, link.link, path);
  sockets = [];
});

afterEach(async () => {
  await client.remove();
  closeServer();
  folder.remove();
});

async function serve(): Promise<void> {
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    sockets.push(socket);
  }).listen(path);
  await once(server, 'listening');
}

function closeServer(): void {
  for (const socket of sockets) socket.destroy();
  server?.close();
  server = undefined;
}

async function connected(count = 1): Promise<Socket> {
  await until(() => sockets.length === count && link.signs.at(-1) === 'connected');
  const socket = sockets.at(-1);
  if (!socket) throw new Error('nobody connected');
  return socket;
}

describe('a stream client', () => {
  it('takes frames that come a few bytes at a time', async () => {
    await serve();
    await client.start();
    const peer = await connected();
    peer.setNoDelay();
    const frames = [aFrame(60, 1), aFrame(61, 2), aFrame(1514, 3)];
    const stream = framed(...frames);
    for (let at = 0; at < stream.length; at += 13) {
      peer.write(stream.subarray(at, at + 13));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => link.counts().framesIn === 3);
    expect(takeAll(link)).toEqual(frames);
    expect(link.counts()).toMatchObject({ bytesIn: 1635, framesOut: 0 });
  });

  it('loses nothing when its ring is full for a while', async () => {
    await serve();
    await client.start();
    const peer = await connected();
    const frames = Array.from({ length: 2000 }, (_, i) => aFrame(1000, i & 0xff));
    peer.write(framed(...frames));
    await until(() => link.counts().framesIn > 200);
    const received: Uint8Array[] = [];
    await until(() => {
      received.push(...takeAll(link));
      return received.length === frames.length;
    });
    expect(areSame(received, frames)).toBe(true);
  });

  it('sends what is on its ring, and what comes while it sleeps', async () => {
    await serve();
    link.put(aFrame(60, 1));
    await client.start();
    const peer = await connected();
    let stream = Buffer.alloc(0);
    peer.on('data', (chunk: Buffer) => {
      stream = Buffer.concat([stream, chunk]);
    });
    await until(() => stream.length === 64);
    for (let value = 2; value < 50; value++) {
      link.put(aFrame(60, value));
      await until(() => stream.length === 64 * value);
    }
    expect(stream).toEqual(framed(...Array.from({ length: 49 }, (_, i) => aFrame(60, i + 1))));
    expect(link.counts()).toMatchObject({ framesOut: 49, bytesOut: 2940 });
  });

  it('leaves frames on the ring while the peer reads nothing', async () => {
    await serve();
    await client.start();
    const peer = await connected();
    let put = 0;
    for (let quiet = 0; quiet < 20; quiet++) {
      for (; link.put(aFrame(1000, 1)); put++) quiet = 0;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    // The socket's buffers are full, and the link has not taken more than one write beyond them.
    expect(link.put(aFrame(1000, 1))).toBe(false);
    expect(link.counts().framesOut).toBeLessThan(put - 200);
    let received = 0;
    peer.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    await until(() => received === put * 1004);
  });

  it('connects again by itself and drops what waited meanwhile', async () => {
    await client.start();
    await serve();
    (await connected()).destroy();
    await until(() => link.signs.at(-1) !== 'connected');
    expect(link.signs.at(-1)).toMatch(/^disconnected: /);
    link.put(aFrame(60, 1));
    const peer = await connected(2);
    let first: Buffer | undefined;
    peer.once('data', (chunk: Buffer) => {
      first = chunk;
    });
    link.put(aFrame(60, 2));
    await until(() => first !== undefined);
    expect(first).toEqual(framed(aFrame(60, 2)));
  });

  it('says when the peer left in the middle of a frame', async () => {
    await serve();
    await client.start();
    const peer = await connected();
    peer.end(framed(aFrame(60, 1)).subarray(0, 40));
    await until(() => link.signs.at(-1) !== 'connected');
    expect(link.signs.at(-1)).toContain('after 40 bytes');
    expect(takeAll(link)).toEqual([]);
  });

  it('fails at a wrong length, keeps the frames before it, and can be started again', async () => {
    await serve();
    await client.start();
    const peer = await connected();
    peer.write(Buffer.concat([framed(aFrame(60, 1)), Buffer.alloc(4)]));
    await until(() => link.signs.at(-1)?.startsWith('failed') ?? false);
    expect(link.signs.at(-1)).toContain('a frame of 0 bytes');
    expect(takeAll(link)).toEqual([aFrame(60, 1)]);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(sockets).toHaveLength(1);
    await client.start();
    await connected(2);
  });

  it('hangs up when it is stopped and connects when it is started', async () => {
    await serve();
    await client.start();
    const peer = await connected();
    client.stop();
    peer.resume();
    await once(peer, 'close');
    expect(link.signs.slice(-2)).toEqual(['disconnected: The link was stopped.', 'stopped']);
    await client.start();
    await connected(2);
  });
});
