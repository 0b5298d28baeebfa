import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { NodeSpawner } from '../../src/lab/process/node-spawner';
import type { ProcessExit, SpawnedProcess } from '../../src/lab/process/spawner';
import { aFolder } from './support/lab-fixture';

/** Answers each message with its data, its arguments and whether bytes arrived as bytes. */
const ECHO = `
process.on('message', ({ data }) => {
  if (data === 'die') { console.error('Error: told to die'); process.exit(3); }
  process.send({ kind: 'rpc', data: { args: process.argv.slice(2), data, isBytes: data instanceof Uint8Array } });
});
process.on('disconnect', () => process.exit(0));
`;

/** Tells what it reads from a socket that it was given. */
const READER = `
process.on('message', (_message, socket) => {
  socket.on('data', (bytes) => process.send({ kind: 'rpc', data: String(bytes) }));
});
process.on('disconnect', () => process.exit(0));
`;

async function aProcess(program = ECHO): Promise<SpawnedProcess> {
  const entry = join(await aFolder(), 'entry.cjs');
  await writeFile(entry, program);
  return new NodeSpawner(entry).spawn('host', 'Host A');
}

function exitOf(process: SpawnedProcess): Promise<ProcessExit> {
  return new Promise((resolve) => process.onExit(resolve));
}

function nextMessage(process: SpawnedProcess): Promise<unknown> {
  return new Promise((resolve) => process.onMessage(resolve));
}

describe('NodeSpawner', () => {
  it('starts the entry with kind and name, and carries bytes as bytes', async () => {
    const process = await aProcess();
    const answer = nextMessage(process);
    process.post({ kind: 'rpc', data: new Uint8Array([1, 2]) });
    expect(await answer).toMatchObject({ data: { args: ['host', 'Host A'], isBytes: true } });
    process.kill();
    await exitOf(process);
  });

  it('reads nothing any more from a socket that it hands over', async () => {
    const reader = await aProcess(READER);
    const { pid } = reader;
    if (pid === undefined) throw new Error('the process has no id');
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const visit = async (): Promise<{ page: Socket; served: Socket }> => {
      const page = connect(port, '127.0.0.1');
      const [served] = (await once(server, 'connection')) as [Socket];
      return { page, served };
    };
    const { page, served } = await visit();

    // A process that stands still cannot confirm the socket, so both have it.
    globalThis.process.kill(pid, 'SIGSTOP');
    reader.post({ kind: 'connect', target: 'view' }, [served]);
    page.write('early');
    const later = await visit();
    later.page.write('later');
    await once(later.served, 'data');
    const read = nextMessage(reader);
    globalThis.process.kill(pid, 'SIGCONT');
    expect(await read).toMatchObject({ data: 'early' });

    for (const socket of [page, later.page, later.served]) socket.destroy();
    server.close();
    reader.kill();
    await exitOf(reader);
  });

  it('says how a process ended, with its last words', async () => {
    const process = await aProcess();
    const exit = exitOf(process);
    process.post({ kind: 'rpc', data: 'die' });
    expect(await exit).toEqual({
      code: 3,
      signal: null,
      reason: 'exit code 3: Error: told to die',
    });
  });

  it('says so when a process was killed, also to those who ask later', async () => {
    const process = await aProcess();
    process.kill();
    await exitOf(process);
    expect(await exitOf(process)).toMatchObject({ signal: 'SIGKILL', reason: 'ended by SIGKILL' });
  });

  it('reports an entry that does not exist as the end of the process', async () => {
    const process = new NodeSpawner('/nowhere/entry.js').spawn('fabric', 'fabric');
    expect((await exitOf(process)).reason).toContain("Cannot find module '/nowhere/entry.js'");
  });
});
