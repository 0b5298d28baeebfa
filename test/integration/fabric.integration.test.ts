/** The fabric with its real threads and real sockets. */
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { EngineEvent, LinkConfig } from '../../src/contract';
import { spawnWorker } from '../../src/engine-host/spawn-worker';
import { Fabric } from '../../src/engine/fabric/fabric';
import { ipv4HeaderBytes, isIpv4ChecksumValid } from '../../src/engine/wire/ipv4';
import { countCapture } from '../support/independent-capture-reader';
import { readRepositoryFile, REPOSITORY_ROOT } from '../support/repository';
import { makeTemporaryFolder, type TemporaryFolder } from '../support/temporary-folder';
import { frameOf, numberOf, pause, Peer, until } from './fabric-peer';

const A = '02:00:5e:20:00:0a';
const B = '02:00:5e:20:00:0b';
const C = '02:00:5e:20:00:0c';
const PLUG = { at: 'fabric' } as const;

let folder: TemporaryFolder;
let socketPath: string;
let fabric: Fabric;
let events: EngineEvent[];
let peers: Peer[];

beforeEach(async () => {
  folder = makeTemporaryFolder('fabric');
  socketPath = join(folder.path, 'fabric.sock');
  peers = [];
  events = [];
  fabric = new Fabric(spawnWorker);
  fabric.onEvent((event) => events.push(event));
  await fabric.open({ fabricSocket: socketPath });
});

afterEach(async () => {
  await Promise.all(peers.map((peer) => peer.close()));
  await fabric.close();
  folder.remove();
});

/** Connects stations; each has its port when this resolves. */
async function connectPeers(count: number): Promise<Peer[]> {
  const before = portCount();
  const connected: Peer[] = [];
  for (let i = 0; i < count; i++) connected.push(await Peer.connect(socketPath));
  peers.push(...connected);
  await until(() => portCount() === before + count);
  return connected;
}

function portCount(): number {
  return fabric.snapshot().ports.length;
}

function eventsOf(type: string): EngineEvent[] {
  return events.filter((event) => event.type === type);
}

/** Makes the fabric learn a station by a broadcast that the others see. */
async function announce(peer: Peer, mac: string): Promise<void> {
  const others = peers.filter((other) => other !== peer);
  const before = others.map((other) => other.frameCount);
  await peer.send(frameOf({ from: mac, to: 'ff:ff:ff:ff:ff:ff' }));
  await until(() => others.every((other, i) => other.frameCount > (before[i] ?? 0)));
}

describe('switching', () => {
  it('floods a frame to an unknown station and sends the answer to one port', async () => {
    const [a, b, c] = (await connectPeers(3)) as [Peer, Peer, Peer];
    const question = frameOf({ from: A, to: B, number: 1 });
    await a.send(question);
    await until(() => b.frameCount === 1 && c.frameCount === 1);
    expect(b.frames[0]).toEqual(question);
    expect(a.frameCount).toBe(0);

    await b.send(frameOf({ from: B, to: A, number: 2 }));
    await until(() => a.frameCount === 1);
    await a.send(frameOf({ from: A, to: B, number: 3 }));
    await until(() => b.frameCount === 2);
    expect(c.frameCount).toBe(1);

    expect(await fabric.report()).toMatchObject({
      ...{ entered: 3, copiesMade: 1, delivered: 4, dropped: 0, held: 0 },
      ...{ learnedMacs: 2, holds: true },
    });
  });

  it('learns a station once per VLAN', async () => {
    const [a, b, c] = (await connectPeers(3)) as [Peer, Peer, Peer];
    await b.send(frameOf({ from: B, to: A, vlan: 10 }));
    await until(() => a.frameCount === 1 && c.frameCount === 1);

    await a.send(frameOf({ from: A, to: B, vlan: 10 }));
    await until(() => b.frameCount === 1);
    expect(c.frameCount).toBe(1);
    // B was never seen in VLAN 20, nor without a tag.
    await a.send(frameOf({ from: A, to: B, vlan: 20 }), frameOf({ from: A, to: B }));
    await until(() => b.frameCount === 3 && c.frameCount === 3);
    expect(fabric.snapshot().learnedMacs).toBe(4);
  });

  it('drops a frame whose station is at the port that it came from', async () => {
    const [a] = (await connectPeers(2)) as [Peer, Peer];
    await announce(a, A);
    await announce(a, C);
    await a.send(frameOf({ from: A, to: C }));
    await expect
      .poll(() => fabric.report())
      .toMatchObject({ entered: 3, delivered: 2, dropped: 1, holds: true });
  });

  it('carries 100,000 frames at a moderate rate without loss and in order', async () => {
    const [a, b] = (await connectPeers(2)) as [Peer, Peer];
    await announce(b, B);
    let disordered = 0;
    let next = 0;
    b.onFrame = (frame) => {
      if (numberOf(frame) !== next) disordered += 1;
      next += 1;
    };
    for (let number = 0; number < 100_000; number += 200) {
      const burst = Array.from({ length: 200 }, (_, i) =>
        frameOf({ from: A, to: B, number: number + i, payloadBytes: 100 }),
      );
      await a.send(...burst);
      if (number % 2000 === 0) await pause(2);
    }
    await until(() => next === 100_000, 20_000);
    expect(disordered).toBe(0);
    expect(await fabric.report()).toMatchObject({ entered: 100_001, dropped: 0, holds: true });
  });
});

describe('ports', () => {
  it('forgets a station whose peer has gone, and uses the port again', async () => {
    const [a, b] = (await connectPeers(2)) as [Peer, Peer];
    await announce(a, A);
    await announce(b, B);
    await a.send(frameOf({ from: A, to: B }));
    await a.close();
    await until(() => portCount() === 1);
    expect(fabric.snapshot().learnedMacs).toBe(1);
    expect(eventsOf('fabric/port-disconnected')).toHaveLength(1);

    const [c] = (await connectPeers(1)) as [Peer];
    expect(fabric.snapshot().ports.map(({ port }) => port)).toEqual([0, 1]);
    await b.send(frameOf({ from: B, to: A }));
    await until(() => c.frameCount === 1);

    const report = await fabric.report();
    expect(report.holds).toBe(true);
    expect(report.ports.find(({ name }) => name === 'removed ports')?.framesIn).toBe(2);
    expect(report.ports.reduce((sum, port) => sum + port.framesIn, 0)).toBe(report.entered);
    expect(report.ports.reduce((sum, port) => sum + port.framesOut, 0)).toBe(report.delivered);
  });

  it('switches everything that a peer sent before it closed', async () => {
    const [a, b] = (await connectPeers(2)) as [Peer, Peer];
    await announce(b, B);
    await a.send(
      ...Array.from({ length: 1000 }, (_, number) => frameOf({ from: A, to: B, number })),
    );
    await a.close();
    await until(() => b.frameCount === 1000);
    await until(() => portCount() === 1);
  });

  it('cuts off a peer that breaks the framing, and no other', async () => {
    const [a, b, c] = (await connectPeers(3)) as [Peer, Peer, Peer];
    await a.send(frameOf({ from: A, to: B }));
    a.socket.write(Buffer.from([0x7f, 0xff, 0xff, 0xff, 1, 2, 3]));
    await until(() => a.socket.destroyed && portCount() === 2);
    expect(eventsOf('fabric/port-failed')[0]?.cause).toContain('2147483647 bytes');
    await b.send(frameOf({ from: B, to: C }));
    await until(() => c.frameCount === 2);
  });

  it('turns a peer away when all ports are taken', async () => {
    await connectPeers(32);
    const one = await Peer.connect(socketPath);
    await until(() => one.socket.destroyed);
    expect(eventsOf('fabric/port-refused')).toHaveLength(1);
    expect(portCount()).toBe(32);
  });

  it('replaces a socket file that nobody listens on, and refuses one that is in use', async () => {
    const stale = join(folder.path, 'stale.sock');
    const server = createServer().listen(stale);
    await once(server, 'listening');
    const other = new Fabric(spawnWorker);
    await expect(other.open({ fabricSocket: stale })).rejects.toMatchObject({
      refusal: { code: 'link-failed' },
    });
    server.close();
    await once(server, 'close');
    await other.open({ fabricSocket: stale });
    await other.close();
  });

  it('costs next to no CPU while nothing happens', async () => {
    await connectPeers(4);
    await fabric.addLink(generator({ frames: 5 }));
    await pause(300);
    const before = process.cpuUsage();
    await pause(2000);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 2_000_000).toBeLessThan(0.03);
  });
});

describe('a fault', () => {
  it('reports a thread that dies, with its role', async () => {
    const workers: Worker[] = [];
    const faults: string[] = [];
    const other = new Fabric((options) => {
      const worker = spawnWorker(options);
      workers.push(worker);
      return worker;
    });
    other.onFault = (fault) => faults.push(fault.message);
    await other.open({ fabricSocket: join(folder.path, 'other.sock') });
    await workers[1]?.terminate();
    await until(() => faults.length > 0);
    expect(faults[0]).toMatch(/^the link thread of the fabric ended/);
    await other.close();
  });
});

function generator(options: Partial<Extract<LinkConfig, { kind: 'generator' }>>): LinkConfig {
  return {
    ...{ kind: 'generator', id: 'gen', name: 'gen', plug: PLUG, sourceMac: '02:00:5e:fe:00:01' },
    targets: [{ mac: B, ipv4: '10.0.0.2' }],
    ...{ frameBytes: 64, rate: { mode: 'maximum' }, frames: 0 },
    ...options,
  };
}

function replay(
  file: string,
  options: Partial<Extract<LinkConfig, { kind: 'replay' }>> = {},
): LinkConfig {
  const rate = { mode: 'fixed', framesPerSecond: 50_000 } as const;
  return { kind: 'replay', id: 'play', name: 'play', plug: PLUG, file, rate, loops: 1, ...options };
}

describe('links', () => {
  it('generates exactly the frames that were asked for, in turn and with right checksums', async () => {
    const [peer] = (await connectPeers(1)) as [Peer];
    const targets = [{ mac: A, vlan: 10, ipv4: '10.0.0.1' }, { mac: B }, { mac: C, vlan: 4094 }];
    const rate = { mode: 'fixed', framesPerSecond: 30_000 } as const;
    await fabric.addLink(generator({ targets, rate, frames: 10_001, frameBytes: 90 }));
    await until(() => fabric.snapshot().links[0]?.state === 'finished');
    await until(() => peer.frameCount === 10_001);

    expect(peer.frames.map((frame) => Number(frame.readBigUInt64LE(82)))).toEqual(
      Array.from({ length: 10_001 }, (_, i) => i),
    );
    const [first, second, third] = peer.frames as [Buffer, Buffer, Buffer];
    expect(first.toString('hex', 0, 16)).toBe('02005e20000a02005efe00018100000a');
    expect(second.toString('hex', 0, 14)).toBe('02005e20000b02005efe00010800');
    expect(third.readUInt16BE(14)).toBe(4094);
    for (const [frame, at] of [
      [first, 18],
      [second, 14],
      [third, 18],
    ] as const) {
      expect(isIpv4ChecksumValid(frame, at, ipv4HeaderBytes(frame, at, 90 - at))).toBe(true);
    }
    expect(eventsOf('link/finished')).toHaveLength(1);
    expect((await fabric.report()).links).toEqual([
      { linkId: 'gen', name: 'gen', frames: 10_001, bytes: 900_090, loops: 0 },
    ]);
  });

  it('keeps every frame of a generator at maximum rate in the account', async () => {
    await connectPeers(1);
    await fabric.addLink(generator({ frames: 500_000 }));
    await until(() => fabric.snapshot().links[0]?.state === 'finished', 20_000);
    await expect
      .poll(() => fabric.report())
      .toMatchObject({ entered: 500_000, copiesMade: 0, held: 0, holds: true });
    const report = await fabric.report();
    expect(report.delivered + report.dropped).toBe(500_000);
  });

  it.each(['sample-web.pcap', 'sample-office.pcapng'])(
    'replays every frame of %s',
    async (name) => {
      const [peer] = (await connectPeers(1)) as [Peer];
      const counts = countCapture(readRepositoryFile(`resources/captures/${name}`));
      await fabric.addLink(replay(join(REPOSITORY_ROOT, 'resources/captures', name), { loops: 3 }));
      await until(() => fabric.snapshot().links[0]?.state === 'finished', 30_000);
      await until(() => peer.frameCount === 3 * counts.frames);

      const received = new Map<string, number>();
      for (const frame of peer.frames) {
        const vlan = frame.readUInt16BE(12) === 0x8100 ? frame.readUInt16BE(14) & 0xfff : 0;
        const key = `${frame.toString('hex', 0, 6).match(/../g)?.join(':') ?? ''}/${vlan}`;
        received.set(key, (received.get(key) ?? 0) + 1);
      }
      const expected = [...counts.byDestination].map(
        ([key, { frames }]) => [key, 3 * frames] as const,
      );
      expect(received).toEqual(new Map(expected));
      expect((await fabric.report()).links[0]).toMatchObject({
        ...{ frames: 3 * counts.frames, bytes: 3 * counts.bytes, loops: 3 },
      });
    },
  );

  it('pauses a replay and goes on where it was', async () => {
    const [peer] = (await connectPeers(1)) as [Peer];
    const name = 'resources/captures/sample-web.pcap';
    const { frames } = countCapture(readRepositoryFile(name));
    const rate = { mode: 'fixed', framesPerSecond: frames } as const;
    await fabric.addLink(replay(join(REPOSITORY_ROOT, name), { rate }));
    await until(() => peer.frameCount > 10);
    await fabric.stopLink('play');
    await pause(50);
    const atPause = peer.frameCount;
    expect(fabric.snapshot().links[0]?.state).toBe('stopped');
    await pause(150);
    expect(peer.frameCount).toBe(atPause);
    expect(atPause).toBeLessThan(frames);

    await fabric.startLink('play');
    await until(() => fabric.snapshot().links[0]?.state === 'finished');
    await until(() => peer.frameCount === frames);
    await fabric.startLink('play');
    await until(() => peer.frameCount > frames);
    await fabric.removeLink('play');
    expect(fabric.snapshot()).toMatchObject({ links: [], ports: [{ kind: 'client' }] });
  });

  it('refuses a capture that is missing or damaged, and keeps nothing of it', async () => {
    await expect(fabric.addLink(replay(join(folder.path, 'none.pcap')))).rejects.toMatchObject({
      refusal: { code: 'capture-unreadable' },
    });
    await expect(fabric.addLink(replay(join(REPOSITORY_ROOT, 'LICENSE')))).rejects.toMatchObject({
      refusal: { code: 'capture-malformed', field: 'file' },
    });
    expect(fabric.snapshot()).toMatchObject({ links: [], ports: [] });
    await expect(fabric.removeLink('play')).rejects.toMatchObject({
      refusal: { code: 'not-found' },
    });
  });
});

describe('probes', () => {
  const PROBE = { probeId: 'p', mac: B, ipv4: '10.0.0.2', perSecond: 500 } as const;

  /** A station that answers probes by the rules of UDP echo, tag or no tag. */
  function echo(peer: Peer, answer: (reply: Buffer, number: number) => void): void {
    let number = 0;
    peer.onFrame = (frame) => {
      const ip = frame.readUInt16BE(12) === 0x8100 ? 18 : 14;
      if (frame.readUInt16BE(ip + 22) !== 7) return;
      const reply = Buffer.from(frame);
      swap(reply, 0, 6);
      swap(reply, ip + 12, 4);
      swap(reply, ip + 20, 2);
      answer(reply, number);
      number += 1;
    };
  }

  function swap(bytes: Buffer, at: number, length: number): void {
    const first = Buffer.from(bytes.subarray(at, at + length));
    bytes.copyWithin(at, at + length, at + 2 * length);
    first.copy(bytes, at + length);
  }

  it('measures a path without faults', async () => {
    const [peer] = (await connectPeers(1)) as [Peer];
    echo(peer, (reply) => void peer.send(reply));
    await fabric.startProbe({ ...PROBE, vlan: { mode: 'access', id: 30 } });
    expect(fabric.snapshot().ports.map(({ kind }) => kind)).toEqual(['client', 'probe']);
    await pause(1000);
    const result = await fabric.stopProbe('p');
    expect(result.sent).toBeGreaterThan(400);
    expect(result).toMatchObject({ received: result.sent, lost: 0, duplicated: 0, reordered: 0 });
    expect(result.silenceMs).toBeLessThan(100);
    expect(portCount()).toBe(1);
    await expect(fabric.stopProbe('p')).rejects.toMatchObject({ refusal: { code: 'wrong-state' } });
  });

  it('counts what is lost, doubled, disordered, and how long nothing came', async () => {
    const [peer] = (await connectPeers(1)) as [Peer];
    let late: Buffer | undefined;
    echo(peer, (reply, number) => {
      // 100 to 199: silence of 200 ms. Of the others: 20 lost, 30 twice, 40 behind 41.
      if (number === 20 || (number >= 100 && number < 200)) return;
      if (number === 40) {
        late = reply;
        return;
      }
      void peer.send(...(number === 30 ? [reply, reply] : [reply]));
      if (number === 41 && late) void peer.send(late);
    });
    await fabric.startProbe({ ...PROBE, vlan: { mode: 'untagged' } });
    await pause(800);
    const result = await fabric.stopProbe('p');
    expect(result).toMatchObject({ lost: 101, duplicated: 1, reordered: 1 });
    expect(result.received).toBe(result.sent - 101);
    expect(result.silenceMs).toBeGreaterThan(150);
    expect(result.silenceMs).toBeLessThan(350);
  });

  it('answers ARP for its own address', async () => {
    const [peer] = (await connectPeers(1)) as [Peer];
    let source = '';
    peer.onFrame = (frame) => {
      if (frame.readUInt16BE(12) === 0x0800) source = frame.toString('hex', 26, 30);
      else peer.frames.push(frame);
    };
    await fabric.startProbe({ ...PROBE, vlan: { mode: 'untagged' } });
    await until(() => source !== '');
    expect(source).toBe('0a0000fa');
    const question = `ffffffffffff${B.replaceAll(':', '')}08060001080006040001${B.replaceAll(':', '')}0a000002000000000000${source}`;
    await peer.send(Buffer.from(question.padEnd(120, '0'), 'hex'));
    await until(() => peer.frames.length === 1);
    expect(peer.frames[0]?.toString('hex', 0, 42)).toBe(
      '02005e20000b02005efd000008060001080006040002' +
        '02005efd00000a0000fa' +
        '02005e20000b0a000002',
    );
    await fabric.stopProbe('p');
  });
});
