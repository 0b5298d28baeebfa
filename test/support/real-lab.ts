/**
 * The lab library with real processes, two hosts and one VM, and everything about them that a test
 * compares before and after: snapshots of both hosts, threads and handles of their processes, sockets
 * and files. Linux only: it reads `/proc`.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Duplex } from 'node:stream';
import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/websocket';
import type { ContractRouterClient } from '@orpc/contract';
import { WebSocket } from 'ws';
import type { LabEvent } from '../../src/contract/events';
import type { HostSnapshot, hostViewContract } from '../../src/contract/host';
import { vmDraftSchema, type VmDraft } from '../../src/contract/lab';
import { CONTRACT_VERSION } from '../../src/contract/version';
import { Lab } from '../../src/lab/lab';
import { NodeSpawner } from '../../src/lab/process/node-spawner';
import type { ProcessKind, SpawnedProcess, Spawner } from '../../src/lab/process/spawner';
import { until } from './engine-lab';

const ENTRY = resolve('out/main/engine-host.js');
/** Killed hosts come back at once, however often that happens. */
const POLICY = {
  delaysMs: Array.from({ length: 100 }, () => 50),
  windowMs: 5000,
  closeMs: 5000,
  commandMs: 30_000,
};

/** What a host has, as counts. */
export interface HostFootprint {
  readonly usedBytes: number;
  readonly engineThreads: number;
  readonly systemThreads: number;
  readonly handles: number;
}

export class RealLab {
  readonly lab: Lab;
  readonly hosts: readonly [string, string];
  readonly vmId: string;
  readonly #folder: string;
  readonly #spawner: WatchingSpawner;

  /** Two hosts and one running VM on the first. */
  static async open(
    vm: Omit<VmDraft, 'hostId'>,
    processes: Spawner = new NodeSpawner(ENTRY),
  ): Promise<RealLab> {
    const folder = mkdtempSync(join(tmpdir(), 'vmq-real-'));
    for (const name of ['data', 's']) mkdirSync(join(folder, name));
    const spawner = new WatchingSpawner(processes);
    const lab = await Lab.open({
      dataFolder: join(folder, 'data'),
      resourcesFolder: resolve('resources'),
      socketParent: join(folder, 's'),
      spawner,
      policy: POLICY,
    });
    await lab.start();
    const hosts: string[] = [];
    for (const name of ['Host A', 'Host B'])
      hosts.push((await lab.hosts.create({ name, memoryMiB: 256, queueCount: 4 })).hostId);
    const [a = '', b = ''] = hosts;
    const { vmId } = await lab.vms.create(vmDraftSchema.parse({ ...vm, hostId: a }));
    const real = new RealLab(lab, [a, b], vmId, folder, spawner);
    await until('the VM to run', () => real.runningAt().length === 1, 30_000);
    return real;
  }

  private constructor(
    lab: Lab,
    hosts: readonly [string, string],
    vmId: string,
    folder: string,
    spawner: WatchingSpawner,
  ) {
    this.lab = lab;
    this.hosts = hosts;
    this.vmId = vmId;
    this.#folder = folder;
    this.#spawner = spawner;
  }

  get fabricSocket(): string {
    const [rendezvous = ''] = readdirSync(join(this.#folder, 's'));
    return join(this.#folder, 's', rendezvous, 'fabric.sock');
  }

  /** The host that the record names, and the other one. */
  get place(): { home: string; other: string } {
    const home = this.lab.snapshot().config.vms.find(({ id }) => id === this.vmId)?.hostId ?? '';
    const [a, b] = this.hosts;
    return { home, other: home === a ? b : a };
  }

  /** The latest snapshot of a host's process, which may be a moment old. */
  snapshotOf(hostId: string): HostSnapshot | undefined {
    return this.#spawner.snapshotOf(this.#nameOf(hostId));
  }

  /** The snapshot of a host's process as it is now. */
  async freshSnapshotOf(hostId: string): Promise<HostSnapshot | undefined> {
    return this.#spawner.freshSnapshotOf(this.#nameOf(hostId));
  }

  /** Hosts that run the VM. */
  runningAt(): string[] {
    return this.hosts.filter((hostId) =>
      this.snapshotOf(hostId)?.vms.some(
        ({ vmId, state }) => vmId === this.vmId && state === 'running',
      ),
    );
  }

  footprintOf(hostId: string): HostFootprint | undefined {
    const snapshot = this.snapshotOf(hostId);
    const pid = this.lab.snapshot().hosts.find((host) => host.hostId === hostId)?.pid ?? null;
    if (snapshot === undefined || pid === null) return undefined;
    return {
      usedBytes: snapshot.memory.usedBytes,
      engineThreads: snapshot.threads.length,
      systemThreads: countEntries(`/proc/${pid}/task`),
      handles: countEntries(`/proc/${pid}/fd`),
    };
  }

  /** Names of all sockets and files that the lab has at the moment. */
  files(): string[] {
    return readdirSync(this.#folder, { recursive: true, encoding: 'utf8' })
      .map((name) => name.replace(/^s\/vmq-[^/]+/, 's/vmq'))
      .sort();
  }

  /** All events that the lab keeps, oldest first. */
  async events(): Promise<LabEvent[]> {
    const end = new AbortController();
    for await (const batch of this.lab.events(undefined, end.signal)) {
      end.abort();
      return batch;
    }
    return [];
  }

  async close(): Promise<void> {
    this.#spawner.close();
    await this.lab.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #nameOf(hostId: string): string {
    return this.lab.snapshot().config.hosts.find(({ id }) => id === hostId)?.name ?? hostId;
  }
}

function countEntries(folder: string): number {
  try {
    return readdirSync(folder).length;
  } catch {
    return 0;
  }
}

/** Starts processes, and follows the latest host process of each name as a page does. */
class WatchingSpawner implements Spawner {
  readonly #spawner: Spawner;
  readonly #views = new Map<string, HostView>();

  constructor(spawner: Spawner) {
    this.#spawner = spawner;
  }

  spawn(kind: ProcessKind, name: string): SpawnedProcess {
    const process = this.#spawner.spawn(kind, name);
    if (kind === 'host') this.#views.set(name, new HostView(process));
    return process;
  }

  snapshotOf(name: string): HostSnapshot | undefined {
    return this.#views.get(name)?.latest;
  }

  freshSnapshotOf(name: string): Promise<HostSnapshot | undefined> {
    return this.#views.get(name)?.fresh() ?? Promise.resolve(undefined);
  }

  close(): void {
    for (const view of this.#views.values()) view.close();
  }
}

type HostViewClient = ContractRouterClient<typeof hostViewContract>;

/** A page's view of one host process, over a WebSocket that is handed to it. */
class HostView {
  latest: HostSnapshot | undefined;
  readonly #process: SpawnedProcess;
  readonly #server: Server = createServer();
  #socket: WebSocket | undefined;
  #view: HostViewClient | undefined;

  constructor(process: SpawnedProcess) {
    this.#process = process;
    process.onExit(() => this.close());
    this.#server.on('upgrade', (request, socket, rest) => this.#handOver(request, socket, rest));
    this.#server.listen(0, '127.0.0.1', () => void this.#follow().catch(() => undefined));
  }

  /** Asks again, instead of waiting for what is sent by itself. */
  async fresh(): Promise<HostSnapshot | undefined> {
    for await (const snapshot of (await this.#view?.watch()) ?? []) return snapshot;
    return undefined;
  }

  close(): void {
    this.latest = undefined;
    this.#socket?.terminate();
    this.#server.close();
  }

  #handOver({ method, url, headers }: IncomingMessage, socket: Duplex, rest: Buffer): void {
    this.#process.post({ kind: 'connect', target: 'view', data: { method, url, headers, rest } }, [
      socket,
    ]);
  }

  async #follow(): Promise<void> {
    const { port } = this.#server.address() as AddressInfo;
    const websocket = new WebSocket(`ws://127.0.0.1:${port}/view`);
    websocket.on('error', () => websocket.terminate());
    this.#socket = websocket;
    const link = new RPCLink({ websocket: websocket as never });
    const view = createORPCClient<HostViewClient>(link);
    this.#view = view;
    await view.hello({ contractVersion: CONTRACT_VERSION });
    for await (const snapshot of await view.watch()) this.latest = snapshot;
  }
}
