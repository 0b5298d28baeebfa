import { fork, spawn } from 'node:child_process';
import { createORPCClient } from '@orpc/client';
import { RPCLink as SocketLink } from '@orpc/client/websocket';
import type { ContractRouterClient } from '@orpc/contract';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { RefusalError } from '../../src/shared/refusal-error';
import type { hostViewContract } from '../../src/contract/host';
import { headerIndex } from '../../src/contract/telemetry';
import { CONTRACT_VERSION } from '../../src/contract/version';
import {
  openControlLink,
  type FabricControl,
  type HostControl,
} from '../../src/lab/process/control-link';
import { NodeSpawner } from '../../src/lab/process/node-spawner';
import type { ProcessExit, ProcessKind, SpawnedProcess } from '../../src/lab/process/spawner';
import { bundleEntry } from './support/bundle-entry';
import { aHost, aVm, RENDEZVOUS } from './support/configs';
import { LARGE_TELEMETRY } from './support/fake-engines';
import { startPageServer, type PageServer } from './support/page-server';

type HostView = ContractRouterClient<typeof hostViewContract>;

interface Started<Control> {
  readonly process: SpawnedProcess;
  readonly control: Control;
  readonly exited: Promise<ProcessExit>;
}

let entry: string;
const cleanUps: (() => void)[] = [];

beforeAll(async () => {
  entry = await bundleEntry('test/engine-host/support/fake-entry.ts');
}, 60_000);

afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

function start<Control extends HostControl | FabricControl>(kind: ProcessKind): Started<Control> {
  const process = new NodeSpawner(entry).spawn(kind, `A ${kind}`);
  const { link } = openControlLink(process, `A ${kind}`);
  cleanUps.push(() => process.kill());
  const exited = new Promise<ProcessExit>((resolve) => process.onExit(resolve));
  return { process, control: createORPCClient<Control>(link), exited };
}

async function startOpenHost(name = 'Host A'): Promise<Started<HostControl>> {
  const started = start<HostControl>('host');
  await started.control.hello({ contractVersion: CONTRACT_VERSION });
  await started.control.open({ config: { ...aHost(), name }, rendezvous: RENDEZVOUS });
  return started;
}

async function pagesOf(host: SpawnedProcess): Promise<PageServer> {
  const pages = await startPageServer(host);
  cleanUps.push(() => pages.close());
  return pages;
}

function viewOver(websocket: WebSocket): HostView {
  cleanUps.push(() => websocket.terminate());
  return createORPCClient<HostView>(new SocketLink({ websocket: websocket as never }));
}

function refusedAs(code: string): unknown {
  return expect.objectContaining({ refusal: expect.objectContaining({ code }) as unknown });
}

async function nextOf<Value>(stream: AsyncIterator<Value>): Promise<Value> {
  const result = await stream.next();
  if (result.done === true) throw new Error('the stream ended');
  return result.value;
}

describe('the control channel of a host process', () => {
  it('greets with its version and process id', async () => {
    const { process, control } = start<HostControl>('host');
    const greeting = await control.hello({ contractVersion: CONTRACT_VERSION });
    expect(greeting).toEqual({ contractVersion: CONTRACT_VERSION, pid: process.pid });
  });

  it('refuses another contract version and everything after it', async () => {
    const { control } = start<HostControl>('host');
    const hello = control.hello({ contractVersion: CONTRACT_VERSION + 1 });
    await expect(hello).rejects.toEqual(refusedAs('contract-version'));
    const open = control.open({ config: aHost(), rendezvous: RENDEZVOUS });
    await expect(open).rejects.toEqual(refusedAs('contract-version'));
  });

  it('refuses commands before it is open', async () => {
    const { control } = start<HostControl>('host');
    await expect(control.addVm(aVm('vm-1'))).rejects.toEqual(refusedAs('wrong-state'));
  });

  it('passes refusals of the engine on unchanged and may be opened again', async () => {
    const { control } = start<HostControl>('host');
    const rendezvous = { ...RENDEZVOUS, socketFolder: 'refuse' };
    const first = control.open({ config: aHost(), rendezvous });
    await expect(first).rejects.toEqual(refusedAs('host-memory-exhausted'));
    await control.open({ config: aHost(), rendezvous: RENDEZVOUS });
    await expect(control.open({ config: aHost(), rendezvous: RENDEZVOUS })).rejects.toEqual(
      refusedAs('wrong-state'),
    );
  });

  it('names the field of an invalid value', async () => {
    const { control } = await startOpenHost();
    const invalid = control.addVm({ ...aVm('vm-1'), memoryMiB: 1 });
    await expect(invalid).rejects.toMatchObject({
      refusal: { code: 'invalid-value', field: 'memoryMiB' },
    });
  });

  it('answers a bug of the engine as internal, and runs on', async () => {
    const { control } = await startOpenHost();
    await expect(control.addVm(aVm('vm-1', 'crash'))).rejects.toMatchObject({
      refusal: { code: 'internal', why: 'a bug in the engine' },
    });
    await control.addVm(aVm('vm-2'));
    await expect(control.addVm(aVm('vm-2'))).rejects.toEqual(refusedAs('duplicate-name'));
  });

  it('streams snapshots and events, early events included', async () => {
    const { control } = await startOpenHost();
    const events = (await control.events())[Symbol.asyncIterator]();
    expect((await nextOf(events)).text).toBe('opened');
    const snapshots = (await control.watch())[Symbol.asyncIterator]();
    expect((await nextOf(snapshots)).vms).toEqual([]);
    await control.addVm(aVm('vm-1'));
    expect((await nextOf(events)).text).toBe('added vm-1');
    expect((await nextOf(snapshots)).vms).toMatchObject([{ vmId: 'vm-1' }]);
  });

  it('refuses in the middle of a stream', async () => {
    const { control } = await startOpenHost();
    const request = sendRequest('vm-1');
    const progress = (await control.sendVm(request))[Symbol.asyncIterator]();
    expect((await nextOf(progress)).phase).toBe('copying');
    const error: unknown = await progress.next().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(RefusalError);
    expect(error).toMatchObject({ refusal: { code: 'migration-failed' } });
  });

  it('cancels a migration whose listener goes away', async () => {
    const { control } = await startOpenHost();
    const events = (await control.events())[Symbol.asyncIterator]();
    await nextOf(events);
    const request = sendRequest('vm-endless');
    const progress = (await control.sendVm(request))[Symbol.asyncIterator]();
    await nextOf(progress);
    await progress.return();
    expect((await nextOf(events)).text).toBe('cancelled');
  });

  it('exits with 0 after close', async () => {
    const { control, exited } = await startOpenHost();
    await control.close();
    expect(await exited).toMatchObject({ code: 0 });
  });

  it('exits when its launcher goes away', async () => {
    const orphan = fork(entry, ['host', 'Host A'], { serialization: 'advanced' });
    cleanUps.push(() => orphan.kill('SIGKILL'));
    const exited = new Promise((resolve) => orphan.once('exit', resolve));
    await new Promise((resolve) => orphan.once('spawn', resolve));
    orphan.disconnect();
    expect(await exited).toBe(0);
  });

  it('refuses to run without a launcher', async () => {
    const stray = spawn(process.execPath, [entry, 'host'], { stdio: 'ignore' });
    const code = await new Promise((resolve) => stray.once('exit', resolve));
    expect(code).not.toBe(0);
  });

  it('exits when the fault is outside of any command', async () => {
    const { control, exited } = await startOpenHost();
    await control.killThread({ thread: 1 });
    expect(await exited).toMatchObject({ code: 70 });
  });
});

describe('a page connection of a host process', () => {
  it('serves the view contract over a socket that was handed over', async () => {
    const { process, control } = await startOpenHost();
    const pages = await pagesOf(process);
    const view = viewOver(await pages.connect('view'));
    expect(await view.hello({ contractVersion: CONTRACT_VERSION })).toEqual({
      hostId: 'host-a',
      contractVersion: CONTRACT_VERSION,
    });
    const snapshots = (await view.watch())[Symbol.asyncIterator]();
    expect((await nextOf(snapshots)).vms).toEqual([]);
    await control.addVm(aVm('vm-1'));
    expect((await nextOf(snapshots)).vms).toMatchObject([{ vmId: 'vm-1' }]);
  });

  it('waits while the host is not open yet', async () => {
    const { process, control } = start<HostControl>('host');
    const pages = await pagesOf(process);
    const view = viewOver(await pages.connect('view'));
    const greeting = view.hello({ contractVersion: CONTRACT_VERSION });
    await control.open({ config: aHost(), rendezvous: RENDEZVOUS });
    expect((await greeting).hostId).toBe('host-a');
  });

  it('refuses another contract version and closes', async () => {
    const { process } = await startOpenHost();
    const pages = await pagesOf(process);
    const socket = await pages.connect('view');
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const hello = viewOver(socket).hello({ contractVersion: CONTRACT_VERSION + 1 });
    await expect(hello).rejects.toMatchObject({
      code: 'REFUSED',
      data: { code: 'contract-version' },
    });
    await closed;
  });

  it('does not offer the control contract', async () => {
    const { process } = await startOpenHost();
    const pages = await pagesOf(process);
    const view = viewOver(await pages.connect('view')) as unknown as HostControl;
    await expect(view.removeVm({ vmId: 'vm-1' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('closes connections to unknown targets', async () => {
    const { process } = await startOpenHost();
    const pages = await pagesOf(process);
    const socket = await pages.connect('nothing' as never);
    await new Promise((resolve) => socket.once('close', resolve));
  });

  it('ends with the process', async () => {
    const { process } = await startOpenHost();
    const pages = await pagesOf(process);
    const socket = await pages.connect('view');
    const closed = new Promise((resolve) => socket.once('close', resolve));
    process.kill();
    await closed;
  });
});

describe('the telemetry of a host process', () => {
  const entered = headerIndex('enteredFrames');

  function samplesOf(socket: WebSocket): number[] {
    const samples: number[] = [];
    socket.on('message', (data: ArrayBuffer) => samples.push(new Float64Array(data)[entered] ?? 0));
    cleanUps.push(() => socket.terminate());
    return samples;
  }

  it('sends ten arrays a second while a page listens, and samples only then', async () => {
    const { process } = await startOpenHost();
    const pages = await pagesOf(process);
    const first = await pages.connect('telemetry');
    const samples = samplesOf(first);
    await expect.poll(() => samples.length, { timeout: 5000 }).toBeGreaterThanOrEqual(5);
    first.close();
    await new Promise((resolve) => first.once('close', resolve));
    const last = samples.at(-1) ?? 0;
    await new Promise((resolve) => setTimeout(resolve, 500));
    const later = samplesOf(await pages.connect('telemetry'));
    await expect.poll(() => later.length, { timeout: 5000 }).toBeGreaterThan(0);
    expect(later[0]).toBeLessThanOrEqual(last + 2);
  });

  it('ends before the engine does', async () => {
    const { process, control, exited } = await startOpenHost();
    const pages = await pagesOf(process);
    const samples = samplesOf(await pages.connect('telemetry'));
    await expect.poll(() => samples.length, { timeout: 5000 }).toBeGreaterThan(0);
    await control.close();
    expect(await exited).toMatchObject({ code: 0, reason: 'exit code 0' });
  });

  it('queues nothing for a page that does not read', async () => {
    const { process } = await startOpenHost(LARGE_TELEMETRY);
    const pages = await pagesOf(process);
    const slow = await pages.connect('telemetry');
    const quick = samplesOf(await pages.connect('telemetry'));
    const samples = samplesOf(slow);
    slow.pause();
    await expect.poll(() => quick.length, { timeout: 9000 }).toBeGreaterThan(20);
    slow.resume();
    const newest = quick.at(-1) ?? 0;
    await expect.poll(() => samples.at(-1) ?? 0, { timeout: 5000 }).toBeGreaterThan(newest);
    expect(samples.length).toBeLessThan(quick.length - 5);
  });
});

describe('a fabric process', () => {
  it('serves the fabric contract', async () => {
    const { control } = start<FabricControl>('fabric');
    await control.hello({ contractVersion: CONTRACT_VERSION });
    await control.open({ rendezvous: RENDEZVOUS });
    const snapshots = (await control.watch())[Symbol.asyncIterator]();
    expect(await nextOf(snapshots)).toMatchObject({ ports: [], learnedMacs: 0 });
    const probeId = 'probe-1';
    const flow = { mac: '02:00:5e:10:00:01', ipv4: '10.0.0.1', perSecond: 10 };
    await control.startProbe({ probeId, ...flow, vlan: { mode: 'untagged' } });
    expect(await control.stopProbe({ probeId })).toMatchObject({ lost: 0, toVm: { sent: 1 } });
  });

  it('shows a probe while it runs, until the watcher leaves, and loses frames of it', async () => {
    const { control } = start<FabricControl>('fabric');
    await control.hello({ contractVersion: CONTRACT_VERSION });
    await control.open({ rendezvous: RENDEZVOUS });
    const events = (await control.events())[Symbol.asyncIterator]();
    const probeId = 'probe-1';
    await expect(control.watchProbe({ probeId })).rejects.toEqual(refusedAs('wrong-state'));

    const flow = { mac: '02:00:5e:10:00:01', ipv4: '10.0.0.1', perSecond: 10 };
    await control.startProbe({ probeId, ...flow, vlan: { mode: 'untagged' } });
    const cancel = new AbortController();
    const watching = await control.watchProbe({ probeId }, { signal: cancel.signal });
    const samples = watching[Symbol.asyncIterator]();
    expect([await nextOf(samples), await nextOf(samples)]).toMatchObject([
      { sent: 1 },
      { sent: 2 },
    ]);
    cancel.abort();
    expect((await nextOf(events)).text).toBe('watcher left');

    await control.loseProbes({ probeId, direction: 'from-vm', frames: 7 });
    expect((await nextOf(events)).text).toBe('probe-1 loses 7 from-vm');
    const none = control.loseProbes({ probeId, direction: 'to-vm', frames: 0 });
    await expect(none).rejects.toMatchObject({ refusal: { code: 'invalid-value' } });
  });

  it('has nothing to show to a page', async () => {
    const { process } = start<FabricControl>('fabric');
    const pages = await pagesOf(process);
    await expect(pages.connect('view')).rejects.toThrow();
  });
});

function sendRequest(vmId: string) {
  return { migrationId: 'migration-1', vmId, socket: '', token: '', options: {}, pauseAt: null };
}
