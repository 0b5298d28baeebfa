/** Links from the control thread's side, over the real protocol. */
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { linkEvent, type LinkChange } from '../../../src/engine/link/link-events';
import {
  LinkControl,
  type ReplayConfig,
  type WaitingConnection,
} from '../../../src/engine/link/link-control';
import type { GeneratorConfig } from '../../../src/engine/link/generator-frames';
import { W_DATA } from '../../../src/engine/kernel/layout';
import { HostMemory } from '../../../src/engine/memory/host-memory';
import type { EngineThread } from '../../../src/engine/thread/engine-thread';
import { compileKernel } from '../../../src/engine/thread/kernel';
import { createWireRing, wireFill } from '../../../src/engine/thread/rings';
import { ThreadTable } from '../../../src/engine/thread/thread-table';
import { REPOSITORY_ROOT } from '../../support/repository';
import { makeTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder';
import { until } from './a-link-context';
import { createInlineLinkThread } from './inline-link-thread';

const RING_BYTES = 262_144;

let folder: TemporaryFolder;
let memory: HostMemory;
let threads: ThreadTable;
let thread: EngineThread;
let links: LinkControl;
let ring: number;
let changes: LinkChange[];
let usedBefore: number;

beforeEach(async () => {
  folder = makeTemporaryFolder('links');
  memory = new HostMemory(32);
  threads = new ThreadTable(memory, await compileKernel(), createInlineLinkThread);
  thread = await threads.start({ role: 'link', name: 'links' });
  links = new LinkControl(memory, thread);
  changes = [];
  links.onChange = (change) => changes.push(change);
  ring = createWireRing(memory, RING_BYTES, 0);
  usedBefore = memory.usedBytes;
});

afterEach(async () => {
  await threads.stopAll();
  folder.remove();
});

const GENERATOR: GeneratorConfig = {
  ...{ kind: 'generator', id: 'gen', name: 'gen', plug: { at: 'fabric' } },
  ...{ sourceMac: '02:00:5e:fe:00:01', frameBytes: 64, rate: { mode: 'maximum' }, frames: 10 },
  targets: [{ mac: '02:00:5e:10:00:01' }, { mac: '02:00:5e:10:00:02' }],
};
const REPLAY: ReplayConfig = {
  ...{ kind: 'replay', id: 'play', name: 'play', plug: { at: 'fabric' }, loops: 3 },
  file: join(REPOSITORY_ROOT, 'resources/captures/sample-web.pcap'),
  rate: { mode: 'fixed', framesPerSecond: 2000 },
};

describe('LinkControl', () => {
  it('makes a link that runs only once it is started', async () => {
    await links.add(GENERATOR, ring);
    expect(wireFill(memory, ring)).toBe(0);
    expect(links.snapshots()).toEqual([
      {
        ...{ linkId: 'gen', name: 'gen', state: 'stopped', frames: 0, bytes: 0, loops: 0 },
        text: 'sends frames of 64 bytes to 2 addresses, as fast as possible, 10 in all',
      },
    ]);
    await links.start('gen');
    await until(() => links.status('gen').state === 'finished');
    expect(links.reports()).toEqual([
      { linkId: 'gen', name: 'gen', frames: 10, bytes: 640, loops: 0 },
    ]);
    expect(changes.map(({ change }) => change)).toEqual(['running', 'finished']);
  });

  it('says what a replay does', async () => {
    await links.add(REPLAY, ring);
    expect(links.snapshots()[0]?.text).toBe('replays sample-web.pcap 3 times, 2000 frames/s');
  });

  it('gives all memory of a link back when it is removed', async () => {
    await links.add(GENERATOR, ring);
    await links.add(REPLAY, ring);
    await links.start('play');
    await links.remove('gen');
    await links.remove('play');
    expect(memory.usedBytes).toBe(usedBefore);
    expect(links.snapshots()).toEqual([]);
    await expect(links.start('gen')).rejects.toMatchObject({ refusal: { code: 'not-found' } });
  });

  it('gives all memory of a refused link back', async () => {
    const missing = { ...REPLAY, file: join(folder.path, 'none.pcap') };
    await expect(links.add(missing, ring)).rejects.toMatchObject({
      refusal: { code: 'capture-unreadable', field: 'file' },
    });
    await expect(links.add(GENERATOR, createWireRing(memory, 65_536, 0))).rejects.toThrow(
      'expected at least 262144 bytes',
    );
    await links.add(GENERATOR, ring);
    await expect(links.add(GENERATOR, ring)).rejects.toMatchObject({
      refusal: { code: 'duplicate-name' },
    });
    await links.remove('gen');
    expect(memory.usedBytes - usedBefore).toBe(65_536 + W_DATA);
  });

  it('refuses a link when the memory is used up, and keeps the rest', async () => {
    const big = memory.take(memory.totalBytes - memory.usedBytes - 1_000_000, 'A big VM');
    await expect(links.add(REPLAY, ring)).rejects.toMatchObject({
      refusal: { code: 'host-memory-exhausted' },
    });
    await links.add(GENERATOR, ring);
    memory.give(big);
  });

  it('tells when the peer of a stream comes and goes', async () => {
    const path = join(folder.path, 'peer.sock');
    const waiting: WaitingConnection[] = [];
    await links.listen('door', path, (connection) => waiting.push(connection));
    const outRing = createWireRing(memory, RING_BYTES, 0);
    await links.openStream({ id: 'up', name: 'up', socketPath: path, inRing: ring, outRing });
    await until(() => changes.length === 2 && waiting.length === 1);
    expect(links.status('up')).toMatchObject({ isConnected: true, state: 'running' });
    await waiting[0]?.reject();
    await until(() => changes.length >= 3);
    expect(changes.slice(0, 3)).toMatchObject([
      { linkId: 'up', kind: 'stream', change: 'running' },
      { change: 'connected', reason: '' },
      { change: 'disconnected', reason: 'The peer closed the connection.' },
    ]);
    await links.unlisten('door');
    await links.remove('up');
  });

  it('refuses to accept a connection that was rejected', async () => {
    const path = join(folder.path, 'peer.sock');
    const waiting: WaitingConnection[] = [];
    await links.listen('door', path, (connection) => waiting.push(connection));
    const socket = createConnection(path);
    await until(() => waiting.length === 1);
    await waiting[0]?.reject();
    const outRing = createWireRing(memory, RING_BYTES, 0);
    await expect(
      waiting[0]?.accept({ id: 'peer', name: 'peer', inRing: ring, outRing }),
    ).rejects.toMatchObject({ refusal: { code: 'link-failed' } });
    expect(links.has('peer')).toBe(false);
    socket.destroy();
  });

  it('marks every link as failed when its thread is lost', async () => {
    await links.add({ ...GENERATOR, frames: 0 }, ring);
    await links.start('gen');
    await thread.kill();
    links.lost('it ran out of memory');
    expect(links.snapshots()[0]).toMatchObject({
      ...{ state: 'failed', text: 'Its thread ended: it ran out of memory.' },
    });
    await expect(links.start('gen')).rejects.toThrow('not running');
    await links.remove('gen');
    expect(memory.usedBytes).toBe(usedBefore);
  });

  it('answers what every engine thread answers, and refuses the rest', async () => {
    expect(await thread.request({ kind: 'sync' })).toBe(true);
    await expect(thread.request({ kind: 'add-vm', vm: 0 })).rejects.toThrow('does not answer');
  });
});

describe('linkEvent', () => {
  it('puts a change into words', () => {
    const link = { linkId: 'play', name: 'play', kind: 'replay' } as const;
    expect(linkEvent({ ...link, change: 'failed', reason: 'No such file.' })).toMatchObject({
      ...{ type: 'link/failed', severity: 'error', text: 'The link play failed.' },
      ...{ cause: 'No such file.', object: { kind: 'link', id: 'play', name: 'play' } },
    });
  });
});
