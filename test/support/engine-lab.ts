/**
 * Two hosts and a fabric in one process, with real worker threads and real sockets between them,
 * and a client that speaks QEMU's stream framing to the fabric.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnWorker } from '../../src/engine-host/spawn-worker';
import { Fabric } from '../../src/engine/fabric/fabric';
import { Host } from '../../src/engine/host/host';
import type { EngineEvent } from '../../src/contract/events';
import {
  migrationOptionsSchema,
  type MigrationOptions,
  type MigrationProgress,
} from '../../src/contract/migration';
import type { AdapterConfig, VmConfig, Workload } from '../../src/contract/model';

const ADAPTER: AdapterConfig = {
  id: 'nic-a',
  name: 'nic-a',
  queueCount: 4,
  vmqEnabled: true,
  bufferMode: 'shared-memory',
  moderationMicroseconds: 50,
  uplink: 'fabric',
};

export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `condition` holds. */
export async function until(
  what: string,
  condition: () => boolean,
  timeoutMs = 10_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`timed out: ${what}`);
    await sleep(5);
  }
}

export function vmConfig(
  name: string,
  hostId: string,
  mac: string,
  vlan: number,
  ipv4: string,
  workload: Workload,
  memoryMiB = 32,
): VmConfig {
  return {
    id: name,
    name,
    hostId,
    memoryMiB,
    power: 'running',
    workload,
    nics: [
      {
        id: `nic-${name}`,
        adapter: 'nic-a',
        macs: [mac],
        vlan: { mode: 'access', id: vlan },
        queue: { mode: 'automatic' },
        ipv4,
      },
    ],
  };
}

export class EngineLab {
  readonly folder = mkdtempSync(join(tmpdir(), 'vmq-lab-'));
  readonly fabric = new Fabric(spawnWorker);
  readonly hosts: Record<'a' | 'b', Host>;
  readonly events: EngineEvent[] = [];

  constructor() {
    this.hosts = {
      a: new Host(spawnWorker),
      b: new Host(spawnWorker),
    };
    for (const source of [this.fabric, this.hosts.a, this.hosts.b])
      source.onEvent((event) => this.events.push(event));
  }

  async open(adapter: Partial<AdapterConfig> = {}): Promise<void> {
    const rendezvous = {
      fabricSocket: join(this.folder, 'fabric.sock'),
      socketFolder: this.folder,
    };
    await this.fabric.open(rendezvous);
    for (const [letter, host] of Object.entries(this.hosts)) {
      await host.open(
        {
          id: `host-${letter}`,
          name: `Host ${letter}`,
          memoryMiB: 384,
          adapters: [{ ...ADAPTER, ...adapter }],
        },
        rendezvous,
      );
    }
    await until('both uplinks', () =>
      Object.values(this.hosts).every(
        (host) => host.snapshot().adapters[0]?.uplink !== 'connecting',
      ),
    );
  }

  client(): Promise<StreamClient> {
    return StreamClient.connect(join(this.folder, 'fabric.sock'));
  }

  /** Moves a VM as the lab does, step by step. */
  async migrate(
    migrationId: string,
    from: Host,
    to: Host,
    config: VmConfig,
    options: Partial<MigrationOptions> = {},
  ): Promise<Moved> {
    const { socket, token } = await to.prepareIncoming(migrationId, config);
    const request = {
      ...{ vmId: config.id, socket, token, pauseAt: null },
      options: { ...migrationOptionsSchema.parse({}), ...options },
    };
    let last: MigrationProgress | undefined;
    const { signal } = new AbortController();
    for await (const progress of from.sendVm(migrationId, request, signal)) last = progress;
    const { resumedAtNs } = await to.commitIncoming(migrationId);
    const gap = await from.finishSend(migrationId);
    if (!last) throw new Error('the source reported nothing');
    return { ...gap, downtimeMs: (resumedAtNs - last.stoppedAtNs) / 1e6, last };
  }

  async close(): Promise<void> {
    await Promise.all([this.hosts.a.close(), this.hosts.b.close()]);
    await this.fabric.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What a move has shown. */
export interface Moved {
  readonly downtimeMs: number;
  readonly heldFrames: number;
  readonly droppedFrames: number;
  readonly markerSeen: boolean;
  /** The source's last report. */
  readonly last: MigrationProgress;
}

/** A client of the fabric: frames in QEMU's stream framing. */
export class StreamClient {
  readonly #socket: Socket;
  #rest = Buffer.alloc(0);
  onFrame: (frame: Uint8Array) => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      this.#rest = Buffer.concat([this.#rest, chunk]);
      for (;;) {
        if (this.#rest.length < 4) return;
        const length = this.#rest.readUInt32BE(0);
        if (this.#rest.length < 4 + length) return;
        this.onFrame(this.#rest.subarray(4, 4 + length));
        this.#rest = this.#rest.subarray(4 + length);
      }
    });
  }

  static connect(path: string): Promise<StreamClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(path, () => {
        resolve(new StreamClient(socket));
      });
      socket.once('error', reject);
    });
  }

  send(frame: Uint8Array): void {
    const header = Buffer.alloc(4);
    header.writeUInt32BE(frame.length);
    this.#socket.write(Buffer.concat([header, frame]));
  }

  close(): void {
    this.#socket.destroy();
  }
}
