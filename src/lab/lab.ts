/**
 * The lab: one inventory, its processes, and the commands on them. Launchers (Electron main, browser
 * mode, lab runner) each make one:
 *
 *     const lab = await Lab.open({ dataFolder, resourcesFolder, spawner });
 *     const router = labRouter(lab, { productVersion });    // for the page's connections
 *     await lab.start();                                    // processes; may run in the background
 *     lab.connectPage('host-a', 'view', [port]);            // hands a page's port to a host
 *     await lab.close();
 */
import type { LabEvent } from '../contract/events';
import type { LinkSnapshot } from '../contract/host';
import type { LabSnapshot } from '../contract/lab';
import type { ExperimentReport } from '../contract/experiment';
import type { HostReport, FabricReport, MigrationReport } from '../contract/report';
import { anyOf, ChangeSignal, watchChanges } from './change-signal';
import { AdapterCommands } from './commands/adapters';
import { ExperimentCommands } from './commands/experiments';
import { HostCommands } from './commands/hosts';
import { LinkCommands } from './commands/links';
import { MigrationCommands } from './commands/migrations';
import { VmCommands } from './commands/vms';
import { WholeLabCommands } from './commands/whole-lab';
import { composeContext } from './compose';
import type { LabContext } from './context';
import { EventList } from './events';
import type { Pause } from './experiment/pause';
import { lockFolder, type FolderLock } from './inventory/folder-lock';
import { Inventory } from './inventory/inventory';
import { loadInventory, removeLeftovers } from './inventory/inventory-file';
import { Notices } from './notices';
import type { Spawner } from './process/spawner';
import type { RestartPolicy } from './process/supervisor';
import { hostUnavailable } from './refusals';
import { makeRendezvous, removeRendezvous } from './rendezvous';
import { restoreFabric } from './restore';
import { labSnapshot } from './snapshot';

/** A snapshot is sent at most ten times a second. */
const SNAPSHOT_INTERVAL_MS = 100;

export interface LabOptions {
  /** Where the inventory is; locked while the lab is open. */
  readonly dataFolder: string;
  /** The folder that holds `captures/` and `labs/`. */
  readonly resourcesFolder: string;
  readonly spawner: Spawner;
  /** When lost processes are restarted; `RESTART_POLICY` by default. */
  readonly policy?: RestartPolicy;
  /** Where the folder for sockets is made; the system's folder for temporary files by default. */
  readonly socketParent?: string;
  /** How an experiment lets time pass; really, by default. */
  readonly pause?: Pause;
}

export class Lab {
  readonly hosts: HostCommands;
  readonly vms: VmCommands;
  readonly adapters: AdapterCommands;
  readonly links: LinkCommands;
  readonly migrations: MigrationCommands;
  readonly experiments: ExperimentCommands;
  readonly whole: WholeLabCommands;
  readonly notices: Notices;

  readonly #context: LabContext;
  readonly #changes: ChangeSignal;
  readonly #closing = new AbortController();
  readonly #release: () => Promise<void>;
  #closed: Promise<void> | undefined;

  private constructor(
    context: LabContext,
    notices: Notices,
    changes: ChangeSignal,
    resourcesFolder: string,
    release: () => Promise<void>,
  ) {
    this.#context = context;
    this.#changes = changes;
    this.#release = release;
    this.notices = notices;
    this.hosts = new HostCommands(context);
    this.vms = new VmCommands(context, this.hosts);
    this.adapters = new AdapterCommands(context);
    this.links = new LinkCommands(context);
    this.migrations = new MigrationCommands(context);
    this.experiments = new ExperimentCommands(context);
    this.whole = new WholeLabCommands(context, resourcesFolder);
  }

  /**
   * Locks the data folder and loads the inventory. No process is started yet.
   *
   * @throws RefusalError `inventory-locked`, `inventory-schema`, `inventory-unwritable`
   */
  static async open(options: LabOptions): Promise<Lab> {
    const changes = new ChangeSignal(SNAPSHOT_INTERVAL_MS);
    const changed = (): void => changes.changed();
    const notices = new Notices(changed);
    const events = new EventList();
    const lock = await lockFolder(options.dataFolder, (error) =>
      notices.add({
        code: 'inventory-locked',
        what: 'Another process took over the data folder.',
        why: error.message,
        remedy: 'Close one of them; changes of both may be lost.',
      }),
    );
    try {
      await removeLeftovers(options.dataFolder);
      const { config, damage } = await loadInventory(options.dataFolder);
      if (damage !== null) {
        notices.add(damage);
        events.record(
          'lab/inventory-set-aside',
          { kind: 'lab', id: 'lab', name: config.name },
          damage.what,
          damage.why,
          { severity: 'error' },
        );
      }
      const inventory = new Inventory(options.dataFolder, config, changed);
      const rendezvous = await makeRendezvous(options.socketParent);
      const context = composeContext(options, rendezvous, inventory, events, changed);
      const release = async (): Promise<void> => {
        events.close();
        changes.close();
        await removeRendezvous(rendezvous);
        await releaseLock(lock);
      };
      return new Lab(context, notices, changes, options.resourcesFolder, release);
    } catch (error) {
      await releaseLock(lock);
      throw error;
    }
  }

  /** Starts the fabric and the hosts of the inventory. What fails is in the snapshot and the events. */
  async start(): Promise<void> {
    const { inventory, fabric, hosts, commands } = this.#context;
    await commands.run(async () => {
      await fabric.start().catch(() => undefined);
      await Promise.allSettled(inventory.config.hosts.map(({ id }) => hosts.add(id).start()));
      if (fabric.state === 'running') await restoreFabric(this.#context, fabric.control);
    });
  }

  /** Whole state now. */
  snapshot(): LabSnapshot {
    return labSnapshot(this.#context, this.notices, this.#changes.revision);
  }

  /** Whole state now, then after each change, at most ten times a second. */
  watch(signal?: AbortSignal): AsyncGenerator<LabSnapshot, void, undefined> {
    return watchChanges(this.#changes, () => this.snapshot(), this.#until(signal));
  }

  /** Events after `after` (all kept ones when left out), in batches, then live. */
  events(after?: number, signal?: AbortSignal): AsyncGenerator<LabEvent[], void, undefined> {
    return this.#context.events.follow(after, this.#until(signal));
  }

  /** Links of the fabric and of all running hosts, as they report them. */
  linkSnapshots(): LinkSnapshot[] {
    const { fabric, hosts } = this.#context;
    const ofHosts = [...hosts.all].flatMap(([, host]) => host.snapshot?.links ?? []);
    return [...(fabric.snapshot?.links ?? []), ...ofHosts];
  }

  suggestMac(): string {
    return this.#context.macs.suggest();
  }

  /** What a host has moved. Rejects with `host-unavailable` when it is not running. */
  async hostReport(hostId: string): Promise<HostReport> {
    return await this.#context.hosts.get(hostId).control.report();
  }

  /** What the fabric has moved. Rejects with `host-unavailable` when it is not running. */
  async fabricReport(): Promise<FabricReport> {
    return await this.#context.fabric.control.report();
  }

  migrationReports(): MigrationReport[] {
    return this.#context.arbiter.reports();
  }

  /** Resolves when a migration has ended. */
  migrationEnded(migrationId: string): Promise<MigrationReport | undefined> {
    return this.#context.arbiter.ended(migrationId);
  }

  experimentReports(): ExperimentReport[] {
    return this.#context.experiments.reports();
  }

  /** Resolves when an experiment has ended and its adapter is as it was. */
  experimentEnded(experimentId: string): Promise<ExperimentReport | undefined> {
    return this.#context.experiments.ended(experimentId);
  }

  /**
   * Hands a page's connection to a host: a message port in the window, a socket in browser mode.
   *
   * @param data what the host needs besides the connection, such as the head of an upgraded socket.
   * @throws RefusalError `host-unavailable`, `not-found`
   */
  connectPage(
    hostId: string,
    target: 'view' | 'telemetry',
    transfer: readonly unknown[],
    data?: unknown,
  ): void {
    const host = this.#context.hosts.get(hostId);
    if (host.process === undefined) throw hostUnavailable(`Host "${hostId}"`, host.reason);
    host.process.post(
      { kind: 'connect', target, ...(data === undefined ? {} : { data }) },
      transfer,
    );
  }

  /** Ends experiments, migrations and processes, and releases the data folder. Later calls wait for the first. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { arbiter, experiments, hosts, fabric } = this.#context;
    this.#closing.abort();
    try {
      await experiments.close();
      await arbiter.close();
      await hosts.stopAll();
      await fabric.stop();
    } finally {
      await this.#release();
    }
  }

  #until(signal: AbortSignal | undefined): AbortSignal {
    if (signal === undefined) return this.#closing.signal;
    return anyOf(signal, this.#closing.signal);
  }
}

/** A lock that was lost cannot be released; then there is nothing to give back. */
async function releaseLock(lock: FolderLock): Promise<void> {
  await lock.release().catch(() => undefined);
}
