/**
 * A lab of two hosts and a fabric in processes of their own, as the lab runner starts them, and one
 * VM that is moved to and fro.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { DROP_REASONS } from '../../../src/contract/drop-reasons';
import { vmDraftSchema, type VmDraft } from '../../../src/contract/lab';
import type { LinkConfig } from '../../../src/contract/model';
import type { MigrationReport } from '../../../src/contract/report';
import { Lab } from '../../../src/lab/lab';
import { NodeSpawner } from '../../../src/lab/process/node-spawner';
import { settle } from '../../../src/lab/settle';
import { waitUntil } from '../child';
import { onExit } from '../exit-hooks';
import { programPath } from '../programs';

/** Announcements of a move go on for 550 ms; the next one starts after them. */
const CALM_MS = 700;

export interface MigrationLabOptions {
  readonly hostMemoryMiB: number;
  /** Which bundle the engine processes run; `filled-engine-host` fills the memory of VMs that it starts. */
  readonly entry: 'engine-host' | 'filled-engine-host';
}

/** Frames by the reason why they were lost. */
export type Losses = Readonly<Record<string, number>>;

export class MigrationLab {
  readonly lab: Lab;
  readonly fabricSocket: string;
  readonly #forget: () => void;
  readonly #memoryMiB: number;
  readonly #hosts: string[] = [];
  #vmId = '';

  static async open(options: MigrationLabOptions): Promise<MigrationLab> {
    const folder = mkdtempSync(join(tmpdir(), 'vmq-bench-'));
    const lab = await Lab.open({
      dataFolder: join(folder, 'data'),
      resourcesFolder: folder,
      spawner: new NodeSpawner(programPath(options.entry)),
      socketParent: folder,
    });
    const opened = new MigrationLab(lab, folder, options.hostMemoryMiB);
    try {
      await lab.start();
      await opened.#addHost('Host A');
      await opened.#addHost('Host B');
    } catch (error) {
      await opened.close();
      throw error;
    }
    return opened;
  }

  private constructor(lab: Lab, folder: string, memoryMiB: number) {
    this.lab = lab;
    this.#memoryMiB = memoryMiB;
    this.#forget = onExit(() => rmSync(folder, { recursive: true, force: true }));
    const sockets = readdirSync(folder).find((name) => name.startsWith('vmq-'));
    if (sockets === undefined) throw new Error('the lab has made no folder for its sockets');
    this.fabricSocket = join(folder, sockets, 'fabric.sock');
  }

  /** Creates the VM on the first host and waits until it runs. */
  async startVm(draft: Omit<VmDraft, 'hostId'>): Promise<void> {
    const { vmId } = await this.lab.vms.create(
      vmDraftSchema.parse({ ...draft, hostId: this.#hosts[0] }),
    );
    this.#vmId = vmId;
    await this.#running();
  }

  /** Moves the VM to the other host and waits until the announcements are over. */
  async move(): Promise<MigrationReport> {
    const from = this.#vmHost();
    const target = this.#hosts.find((hostId) => hostId !== from);
    if (target === undefined) throw new Error('there is no other host');
    await this.#running();
    const { migrationId } = await this.lab.migrations.start({
      vmId: this.#vmId,
      targetHostId: target,
    });
    const report = await this.lab.migrationEnded(migrationId);
    if (report === undefined) throw new Error('a migration left no report');
    await new Promise((resolve) => setTimeout(resolve, CALM_MS));
    return report;
  }

  /** Starts the host again that the VM is not on: its memory is as new then. */
  async renewOtherHost(): Promise<void> {
    const index = this.#hosts[0] === this.#vmHost() ? 1 : 0;
    const hostId = this.#hosts[index];
    if (hostId === undefined) throw new Error('there is no other host');
    const name = this.lab.snapshot().config.hosts.find(({ id }) => id === hostId)?.name ?? '';
    await this.lab.hosts.delete({ hostId });
    this.#hosts.splice(index, 1);
    await this.#addHost(name);
  }

  async addLink(link: LinkConfig): Promise<void> {
    await this.lab.links.add(link);
  }

  /** Frames that hosts and fabric have dropped so far by reasons that are losses, by reason. */
  async losses(): Promise<Losses> {
    const hosts = await Promise.all(this.#hosts.map((hostId) => this.lab.hostReport(hostId)));
    const fabric = await this.lab.fabricReport();
    const losses: Record<string, number> = { 'at the fabric': fabric.dropped };
    for (const { code, isLoss } of DROP_REASONS)
      if (isLoss)
        losses[code] = hosts.reduce((sum, host) => sum + (host.conservation.dropped[code] ?? 0), 0);
    return losses;
  }

  /** Stops all traffic and tells whether hosts and fabric account for every frame. */
  async isConserved(): Promise<boolean> {
    await settle(this.lab);
    const hosts = await Promise.all(this.#hosts.map((hostId) => this.lab.hostReport(hostId)));
    const fabric = await this.lab.fabricReport();
    return (
      fabric.holds &&
      hosts.every(({ conservation }) => conservation.holds && conservation.held === 0)
    );
  }

  async close(): Promise<void> {
    await this.lab.close();
    this.#forget();
  }

  async #addHost(name: string): Promise<void> {
    const request = { name, memoryMiB: this.#memoryMiB, queueCount: 4 };
    const { hostId } = await this.lab.hosts.create(request);
    this.#hosts.push(hostId);
    await waitUntil(
      `${name} at the fabric`,
      () => (this.lab.snapshot().fabric?.ports.length ?? 0) >= this.#hosts.length,
    );
  }

  #vmHost(): string | undefined {
    return this.lab.snapshot().config.vms.find(({ id }) => id === this.#vmId)?.hostId;
  }

  #running(): Promise<void> {
    return waitUntil('the VM to run', () =>
      this.lab.snapshot().vms.some(({ vmId, state }) => vmId === this.#vmId && state === 'running'),
    );
  }
}

/** Frames lost since `before`, and as text by reason. */
export function lostSince(before: Losses, now: Losses): { frames: number; text: string } {
  const more = Object.entries(now)
    .map(([reason, frames]) => ({ reason, frames: frames - (before[reason] ?? 0) }))
    .filter(({ frames }) => frames > 0);
  return {
    frames: more.reduce((sum, { frames }) => sum + frames, 0),
    text: more.map(({ reason, frames }) => `${frames} ${reason}`).join(', '),
  };
}
