import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/websocket';
import type { ContractRouterClient } from '@orpc/contract';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type WebSocket } from 'ws';
import type { hostViewContract } from '../../src/contract/host';
import type { labContract } from '../../src/contract/lab';
import { headerIndex, TELEMETRY_LAYOUT } from '../../src/contract/telemetry';
import { CONTRACT_VERSION } from '../../src/contract/version';
import { bundleEntry } from '../engine-host/support/bundle-entry';
import { makeTemporaryFolder } from '../support/temporary-folder';
import { Visitor } from './support/visitor';

type LabClient = ContractRouterClient<typeof labContract>;
type HostClient = ContractRouterClient<typeof hostViewContract>;

const program = makeTemporaryFolder('browser-mode');
const script = join(program.path, 'out', 'main', 'web-server.js');
const children: ChildProcess[] = [];
const sockets: WebSocket[] = [];

/** A program folder like the built one, with engines that move no frames. */
beforeAll(async () => {
  for (const name of ['out/main', 'out/renderer', 'resources/captures', 'resources/labs']) {
    mkdirSync(join(program.path, name), { recursive: true });
  }
  writeFileSync(join(program.path, 'package.json'), '{"version":"1.2.3"}');
  writeFileSync(join(program.path, 'out/renderer/index.html'), '<title>page</title>');
  await bundleEntry('src/web-server/index.ts', script);
  const engines = join(program.path, 'out', 'main', 'engine-host.js');
  await bundleEntry('test/engine-host/support/fake-entry.ts', engines);
}, 60_000);
afterAll(() => program.remove());
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.terminate();
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

interface Started {
  readonly child: ChildProcess;
  /** Everything printed to either stream. */
  readonly printed: () => string;
  readonly exitCode: Promise<number | null>;
}

function start(dataFolder: string): Started {
  const child = spawn(process.execPath, [script, '--data-folder', dataFolder], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => (text += part));
  }
  const exitCode = once(child, 'close').then(([code]) => code as number | null);
  return { child, printed: () => text, exitCode };
}

async function visit({ printed }: Started): Promise<Visitor> {
  await expect.poll(printed, { timeout: 8000 }).toContain('http://');
  return new Visitor(printed().replace('VMQ Console: open ', '').trim());
}

function dataFolder(name: string): string {
  return join(program.path, name);
}

describe('browser mode', () => {
  it('prints one line, leads a page to the lab and to its hosts, and ends on Ctrl-C', async () => {
    const started = start(dataFolder('lab'));
    const visitor = await visit(started);
    const headers = { cookie: await visitor.signIn(), origin: visitor.origin };
    const connect = async (target: string): Promise<WebSocket> => {
      const socket = await visitor.connect(target, headers);
      sockets.push(socket);
      return socket;
    };

    const websocket = (await connect('lab')) as never;
    const lab = createORPCClient<LabClient>(new RPCLink({ websocket }));
    const greeting = await lab.hello({ contractVersion: CONTRACT_VERSION });
    expect(greeting.productVersion).toBe('1.2.3');
    await expect(connect('host/host-a')).rejects.toThrow('503');
    const { hostId } = await lab.createHost({ name: 'Host A', memoryMiB: 64, queueCount: 4 });

    const view = (await connect(`host/${hostId}`)) as never;
    const host = createORPCClient<HostClient>(new RPCLink({ websocket: view }));
    expect((await host.hello({ contractVersion: CONTRACT_VERSION })).hostId).toBe(hostId);

    const telemetry = await connect(`telemetry/${hostId}`);
    const [bytes] = (await once(telemetry, 'message')) as [ArrayBuffer];
    expect(new Float64Array(bytes)[headerIndex('layout')]).toBe(TELEMETRY_LAYOUT);

    started.child.kill('SIGINT');
    expect(await started.exitCode).toBe(0);
    expect(started.printed()).toMatch(/^VMQ Console: open \S+\n$/);
  }, 20_000);

  it('ends at once on a second Ctrl-C', async () => {
    const started = start(dataFolder('twice'));
    await visit(started);
    started.child.kill('SIGINT');
    started.child.kill('SIGINT');
    expect(await started.exitCode).toBeOneOf([0, 130]);
  });

  it('says that the data folder is in use, and leaves it alone', async () => {
    const first = start(dataFolder('shared'));
    await visit(first);
    const second = start(dataFolder('shared'));
    expect(await second.exitCode).toBe(1);
    expect(second.printed()).toMatch(/^VMQ Console could not start: /);
    first.child.kill('SIGTERM');
    expect(await first.exitCode).toBe(0);
  }, 20_000);
});
