/** The fabric's ports and its switching kernel, turn by turn on the test's own thread. */
import { beforeEach, describe, expect, it } from 'vitest';

import { readConservation } from '../../../src/engine/fabric/fabric-conservation';
import { FabricPorts, type FabricPort } from '../../../src/engine/fabric/fabric-ports';
import {
  CT_DROPS,
  DROP_MALFORMED,
  DROP_NO_PORT_IN_VLAN,
  DROP_WIRE_FULL,
  FABRIC_SIZE,
  FB_LEARN_SECOND,
  FB_MAC_TABLE,
  FB_THREAD,
  MAC_TABLE_SIZE,
  T_COUNTERS,
} from '../../../src/engine/kernel/layout';
import { HostMemory } from '../../../src/engine/memory/host-memory';
import type { EngineThread } from '../../../src/engine/thread/engine-thread';
import { compileKernel, instantiateKernel, type Kernel } from '../../../src/engine/thread/kernel';
import { ThreadTable } from '../../../src/engine/thread/thread-table';
import { InlineThreads } from '../../support/inline-threads';

let threads: InlineThreads;
let memory: HostMemory;
let kernel: Kernel;
let fabric: number;
let thread: EngineThread;
let ports: FabricPorts;
let staging: number;

beforeEach(async () => {
  threads = new InlineThreads();
  memory = new HostMemory(64);
  const module = await compileKernel();
  kernel = instantiateKernel(module, memory.memory);
  fabric = memory.take(FABRIC_SIZE, 'The fabric');
  memory.setU32(fabric + FB_MAC_TABLE, memory.take(MAC_TABLE_SIZE, 'A MAC table'));
  memory.setU32(fabric + FB_LEARN_SECOND, 1);
  const table = new ThreadTable(memory, module, threads.createWorker);
  thread = await threads.drive(table.start({ role: 'fabric', name: 'fabric', block: fabric }));
  memory.setU32(fabric + FB_THREAD, thread.thread);
  ports = new FabricPorts(memory, kernel, fabric, thread);
  staging = memory.take(65_536, 'A test frame');
});

/** Lets a frame come in at a port: last octets of the MAC addresses, and its length. */
function send(port: FabricPort, to: number, from: number, lengthBytes = 60): void {
  memory.u8.fill(0, staging, staging + lengthBytes);
  memory.u8.set([to === 0xff ? 0xff : 2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from], staging);
  expect(kernel.wirePut(port.inRing, staging, lengthBytes, 0)).toBe(1);
}

/** Frames that wait to go out at a port. */
function received(port: FabricPort): number {
  let frames = 0;
  while (kernel.wireTake(port.outRing, staging) !== 0) frames += 1;
  return frames;
}

function drops(reason: number): number {
  return memory.getCounter(thread.thread + T_COUNTERS + (CT_DROPS + reason) * 8);
}

function learned(): number {
  return kernel.macAge(memory.getU32(fabric + FB_MAC_TABLE), 0);
}

async function conservation() {
  const settle = () => thread.request({ kind: 'sync' });
  return threads.drive(readConservation(memory, thread.thread, settle));
}

describe('the ports of the fabric', () => {
  it('switches between ports and counts each frame once', async () => {
    const [a, b, c] = [ports.add('client'), ports.add('client'), ports.add('probe', 'probe p')];
    send(a, 0xff, 1);
    send(b, 1, 2);
    threads.settle();
    expect([received(a), received(b), received(c)]).toEqual([1, 1, 1]);
    expect(ports.reports()).toEqual([
      { name: 'port 1', framesIn: 1, bytesIn: 60, framesOut: 1, bytesOut: 60, dropped: 0 },
      { name: 'port 2', framesIn: 1, bytesIn: 60, framesOut: 1, bytesOut: 60, dropped: 0 },
      { name: 'probe p', framesIn: 0, bytesIn: 0, framesOut: 1, bytesOut: 60, dropped: 0 },
    ]);
    expect(await conservation()).toEqual({
      ...{ entered: 2, copiesMade: 1, delivered: 3, dropped: 0, held: 0, holds: true },
    });
  });

  it('never sends to a port that only sends, and never learns there', async () => {
    const [source, a] = [ports.add('link', 'replay'), ports.add('client')];
    send(source, 9, 1);
    send(a, 1, 2);
    threads.settle();
    expect(received(a)).toBe(1);
    expect(learned()).toBe(1);
    expect(drops(DROP_NO_PORT_IN_VLAN)).toBe(1);
    expect((await conservation()).holds).toBe(true);
  });

  it('drops what is no Ethernet frame', async () => {
    const [a, b] = [ports.add('client'), ports.add('client')];
    for (const lengthBytes of [13, 14, 1518, 1519, 9000]) send(a, 9, 1, lengthBytes);
    threads.settle();
    expect(received(b)).toBe(2);
    expect(drops(DROP_MALFORMED)).toBe(3);
    expect(await conservation()).toMatchObject({
      entered: 5,
      delivered: 2,
      dropped: 3,
      holds: true,
    });
  });

  it('drops at a port that is not emptied, and goes on at the others', async () => {
    const [a, b, c] = [ports.add('client'), ports.add('client'), ports.add('client')];
    let sent = 0;
    let reached = 0;
    while (drops(DROP_WIRE_FULL) < 100) {
      for (let i = 0; i < 64; i++) send(a, 0xff, 1, 1500);
      sent += 64;
      threads.settle();
      reached += received(c);
    }
    expect(reached).toBe(sent);
    expect(ports.reports()[1]?.dropped).toBe(drops(DROP_WIRE_FULL));
    expect(received(b)).toBe(sent - drops(DROP_WIRE_FULL));
    expect((await conservation()).holds).toBe(true);
  });

  it('forgets the addresses of a port that goes away, and of no other', async () => {
    const [a, b] = [ports.add('client'), ports.add('client')];
    for (let i = 0; i < 50; i++) send(a, 0xff, i);
    send(b, 0xff, 200);
    threads.settle();
    expect(learned()).toBe(51);
    await threads.drive(ports.remove(a));
    expect(learned()).toBe(1);
  });

  it('switches what came in before a port goes away, and gives its memory back', async () => {
    const a = ports.add('client');
    const usedBefore = memory.usedBytes;
    const b = ports.add('client');
    for (let i = 0; i < 1000; i++) send(b, 0xff, 2);
    await threads.drive(ports.remove(b));
    expect(received(a)).toBe(1000);
    expect(memory.usedBytes).toBe(usedBefore);
    expect(ports.reports().map(({ name, framesIn }) => [name, framesIn])).toEqual([
      ['port 1', 0],
      ['removed ports', 1000],
    ]);
    expect(ports.add('client').index).toBe(1);
  });

  it('refuses a port beyond the last one', () => {
    for (let i = 0; i < 32; i++) ports.add('link');
    expect(() => ports.add('client')).toThrow('It has 32 ports');
  });

  it('ages what was learned by the second in which it was seen last', () => {
    const [a] = [ports.add('client'), ports.add('client')];
    send(a, 0xff, 1);
    threads.settle();
    memory.setU32(fabric + FB_LEARN_SECOND, 5);
    send(a, 0xff, 2);
    threads.settle();
    const table = memory.getU32(fabric + FB_MAC_TABLE);
    expect(kernel.macAge(table, 1)).toBe(2);
    expect(kernel.macAge(table, 5)).toBe(1);
    expect(kernel.macAge(table, 6)).toBe(0);
  });
});
