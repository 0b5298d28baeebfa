/**
 * Migrations of one host, outgoing and incoming, behind the commands of the contract. The stream
 * itself is in `migration/`; the lab decides (`docs/design.md` §7). Control thread.
 */
import type {
  MigrationLimits,
  MigrationOptions,
  MigrationPhase,
  MigrationProgress,
} from '../../contract/migration';
import type { VmConfig } from '../../contract/model';
import { RefusalError } from '../../shared/refusal-error';
import { migrationCancelled } from '../migration/refusals';
import { OutgoingMigration } from '../migration/source';
import { IncomingMigration } from '../migration/target';
import { newToken } from '../migration/token';
import type { VirtualMachine } from '../vm/virtual-machine';
import { announce } from './announce';
import { ArrivingVm } from './arriving-vm';
import { DepartingVm, type Gap } from './departing-vm';
import { FrameSender } from './frame-sender';
import { requireVm, type HostParts } from './host-parts';
import type { VmPower } from './vm-power';

const KEPT_CANCELS = 16;

/** What the lab asks of a source. */
export interface SendRequest {
  readonly vmId: string;
  readonly socket: string;
  readonly token: string;
  readonly options: MigrationOptions;
  readonly pauseAt: MigrationPhase | null;
}

interface Incoming {
  readonly stream: IncomingMigration;
  readonly arriving: ArrivingVm;
}

interface Outgoing {
  readonly stream: OutgoingMigration;
  readonly vm: DepartingVm;
}

export class HostMigration {
  readonly #parts: HostParts;
  readonly #power: VmPower;
  readonly #sender: FrameSender;
  readonly #incoming = new Map<string, Incoming>();
  readonly #outgoing = new Map<string, Outgoing>();
  /** VMs that are being given up: their memory is still taken. */
  readonly #leaving = new Set<Promise<void>>();
  /** Migrations that were cancelled before they began. */
  readonly #cancelled = new Set<string>();
  #isClosed = false;
  /** VMs that run here but have not taken over everything yet. */
  readonly #settling = new Set<ArrivingVm>();

  constructor(parts: HostParts, power: VmPower) {
    this.#parts = parts;
    this.#power = power;
    this.#sender = new FrameSender(parts.memory);
  }

  /** Tells switches where a VM is that did not move here by a migration. */
  announce(vm: VirtualMachine): Promise<void> {
    return announce(this.#parts, this.#sender, vm);
  }

  // ── Target ────────────────────────────────────────────────────────────────────────────────────

  async prepareIncoming(
    migrationId: string,
    config: VmConfig,
  ): Promise<{ socket: string; token: string }> {
    const parts = this.#parts;
    await Promise.all(this.#leaving);
    if (parts.vms.has(config.id)) {
      throw new RefusalError({
        code: 'migration-target-refused',
        what: `${config.name} cannot come to ${parts.config.name}.`,
        why: 'A VM with its id is there already.',
        remedy: '',
      });
    }
    const arriving = await ArrivingVm.prepare(parts, this.#power, this.#sender, config);
    const token = newToken();
    try {
      const { kernel, memory, socketFolder } = parts;
      const vm = {
        vmId: arriving.vmId,
        memory: arriving.memory,
        memoryBytes: arriving.memoryBytes,
        restore: arriving.restore.bind(arriving),
        discard: () => {
          this.#discard(migrationId, arriving);
        },
      };
      const stream = await IncomingMigration.listen({
        ...{ vm, kernel, memory, socketFolder, migrationId, token },
      });
      this.#incoming.set(migrationId, { stream, arriving });
      this.#tellWhenClosed(stream);
      const text = `${config.name} may come to ${parts.config.name}; its memory is reserved.`;
      this.#tell('migration/prepared', arriving.vm, text);
      return { socket: stream.socketPath, token };
    } catch (error) {
      arriving.discard();
      await arriving.discarded;
      throw error;
    }
  }

  async commitIncoming(
    migrationId: string,
  ): Promise<{ resumedAtNs: number; announcements: number }> {
    const { stream, arriving } = this.#require(this.#incoming, migrationId);
    if (stream.state !== 'ready') {
      throw new RefusalError({
        code: 'wrong-state',
        what: `${arriving.vm.config.name} cannot run on ${this.#parts.config.name}.`,
        why: `Expected the migration to be ready, found it ${stream.state}.`,
        remedy: '',
      });
    }
    // First: from here on nothing on the stream can take the VM away again.
    stream.finish(arriving);
    this.#incoming.delete(migrationId);
    try {
      const resumedAtNs = await arriving.run();
      this.#settling.add(arriving);
      arriving.vm.settled = this.#settle(arriving);
      return { resumedAtNs, announcements: arriving.announcements };
    } catch (error) {
      arriving.discard();
      await arriving.discarded;
      throw error;
    }
  }

  async abortIncoming(migrationId: string): Promise<void> {
    this.#incoming.get(migrationId)?.stream.abort('The lab gave the migration up.');
    // Also one that the stream had given up just before.
    await Promise.all(this.#leaving);
  }

  // ── Source ────────────────────────────────────────────────────────────────────────────────────

  async *sendVm(
    migrationId: string,
    { vmId, socket, token, options, pauseAt }: SendRequest,
    signal: AbortSignal,
  ): AsyncGenerator<MigrationProgress> {
    const parts = this.#parts;
    const vm = requireVm(parts, vmId);
    await vm.settled;
    if (this.#cancelled.delete(migrationId)) throw migrationCancelled(vmId, 'It had not begun.');
    vm.requireState('moved', 'running');
    const departing = new DepartingVm(parts, this.#power, this.#sender, vm);
    const { kernel, memory, clock: now } = parts;
    const stream = new OutgoingMigration({
      ...{
        vm: departing,
        kernel,
        memory,
        socketPath: socket,
        token,
        options,
        pauseAt,
        signal,
        now,
      },
    });
    this.#outgoing.set(migrationId, { stream, vm: departing });
    this.#tellWhenClosed(stream);
    try {
      // The lab tells of phases and failures; it hears of both through this stream.
      yield* stream.progress();
    } catch (error) {
      this.#outgoing.delete(migrationId);
      throw error;
    }
  }

  setSendLimits(migrationId: string, limits: MigrationLimits): void {
    this.#require(this.#outgoing, migrationId).stream.setLimits(limits);
  }

  continueSend(migrationId: string): void {
    this.#outgoing.get(migrationId)?.stream.goOn();
  }

  breakStream(migrationId: string, how: 'cut' | 'corrupt'): void {
    this.#require(this.#outgoing, migrationId).stream.break(how);
  }

  async finishSend(migrationId: string): Promise<Gap> {
    const { stream, vm } = this.#require(this.#outgoing, migrationId);
    const name = this.#parts.vms.get(vm.vmId)?.config.name ?? vm.vmId;
    if (stream.state === 'resuming' || stream.state === 'resumed') {
      // The target had given up, and the lab could not take its record back.
      this.#outgoing.delete(migrationId);
      await stream.cancel();
      await vm.end();
      return { heldFrames: 0, droppedFrames: 0, markerSeen: false };
    }
    stream.finish();
    this.#outgoing.delete(migrationId);
    const gap = await vm.leave((nic, frames) => stream.sendLate(nic, frames));
    await stream.end();
    await vm.forget();
    this.#parts.log.emit(
      'migration/left',
      { kind: 'vm', id: vm.vmId, name },
      `${name} has left ${this.#parts.config.name}; ${gap.heldFrames} held frames were sent on.`,
      'The target runs it.',
    );
    return gap;
  }

  async cancelSend(migrationId: string): Promise<void> {
    const outgoing = this.#outgoing.get(migrationId);
    if (!outgoing) {
      this.#rememberCancel(migrationId);
      return;
    }
    this.#outgoing.delete(migrationId);
    await outgoing.stream.cancel();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const arriving of this.#settling) arriving.stop();
    for (const { stream } of this.#incoming.values()) stream.abort('The host is closed.');
    await Promise.all(this.#leaving);
    for (const { stream } of this.#outgoing.values()) await stream.close();
  }

  /** Its staging memory is given back by then, perhaps as the last thing that changes. */
  #tellWhenClosed({ closed }: { readonly closed: Promise<void> }): void {
    void closed.then(() => {
      if (!this.#isClosed) this.#parts.log.changed();
    });
  }

  /** Its sendVm may wait for something, or be on its way; most have failed by themselves. */
  #rememberCancel(migrationId: string): void {
    this.#cancelled.add(migrationId);
    const [oldest] = this.#cancelled;
    if (this.#cancelled.size > KEPT_CANCELS && oldest !== undefined) this.#cancelled.delete(oldest);
  }

  async #settle(arriving: ArrivingVm): Promise<void> {
    const { vm } = arriving;
    try {
      const lost = await arriving.settle();
      this.#tell('migration/arrived', vm, `${vm.config.name} runs on ${this.#parts.config.name}.`);
      if (lost !== null) {
        const text = `Frames that the old host held for ${vm.config.name} may be missing.`;
        this.#tell('migration/late-frames-lost', vm, text, lost, 'warning');
      }
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      const text = `${vm.config.name} runs, but could not be connected in full.`;
      this.#tell('migration/not-settled', vm, text, cause, 'error');
    } finally {
      this.#settling.delete(arriving);
    }
  }

  #discard(migrationId: string, arriving: ArrivingVm): void {
    this.#incoming.delete(migrationId);
    arriving.discard();
    const { discarded } = arriving;
    this.#leaving.add(discarded);
    void discarded.then(() => this.#leaving.delete(discarded));
    const { name } = arriving.vm.config;
    const text = `${name} did not come; its reserved memory is free again.`;
    this.#tell('migration/discarded', arriving.vm, text);
  }

  #tell(
    type: string,
    { vmId: id, config: { name } }: VirtualMachine,
    text: string,
    cause = 'The lab moves it.',
    severity: 'info' | 'warning' | 'error' = 'info',
  ): void {
    this.#parts.log.emit(type, { kind: 'vm', id, name }, text, cause, severity);
  }

  #require<Entry>(map: ReadonlyMap<string, Entry>, migrationId: string): Entry {
    const entry = map.get(migrationId);
    if (entry) return entry;
    throw new RefusalError({
      code: 'not-found',
      what: `Migration ${migrationId} does not exist.`,
      why: `${this.#parts.config.name} knows no such migration.`,
      remedy: '',
    });
  }
}
