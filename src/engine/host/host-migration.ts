/**
 * Migrations of one host, outgoing and incoming, behind the commands of the contract. The stream
 * itself is in `migration/`; the lab decides (`docs/design.md` §7). Control thread.
 */
import type { MigrationProgress } from '../../contract/migration';
import type { VmConfig } from '../../contract/model';
import { RefusalError } from '../../shared/refusal-error';
import { parseMacAddress } from '../../shared/mac-address';
import { NIC_UP } from '../kernel/layout';
import type { DeviceState } from '../migration/device-state';
import { OutgoingMigration } from '../migration/source';
import { IncomingMigration } from '../migration/target';
import { newToken } from '../migration/token';
import type { VirtualMachine } from '../vm/virtual-machine';
import { buildRarpAnnounce } from '../wire/rarp';
import { requireAdapter, requireVm, type HostParts } from './host-parts';
import { LateFrameInlet } from './late-frames';
import { DepartingVm } from './outgoing-vm';
import type { VmPower } from './vm-power';

/** Announcements after a move: at once, then again, in case one is lost. */
const ANNOUNCE_AFTER_MS = [50, 150, 300, 550] as const;
const ANNOUNCE_BYTES = 2048;

interface Incoming {
  readonly stream: IncomingMigration;
  readonly vm: VirtualMachine;
  readonly token: string;
}

interface Outgoing {
  readonly stream: OutgoingMigration;
  readonly vm: DepartingVm;
  readonly socket: string;
  readonly token: string;
}

export class HostMigration {
  readonly #parts: HostParts;
  readonly #power: VmPower;
  readonly #incoming = new Map<string, Incoming>();
  readonly #outgoing = new Map<string, Outgoing>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #inlets = new Set<LateFrameInlet>();
  readonly #scratch: number;

  constructor(parts: HostParts, power: VmPower) {
    this.#parts = parts;
    this.#power = power;
    this.#scratch = parts.memory.take(ANNOUNCE_BYTES, 'An announcement');
  }

  // ── Target ────────────────────────────────────────────────────────────────────────────────────

  async prepareIncoming(
    migrationId: string,
    config: VmConfig,
  ): Promise<{ socket: string; token: string }> {
    const parts = this.#parts;
    if (parts.vms.has(config.id)) {
      throw new RefusalError({
        code: 'migration-target-refused',
        what: `${config.name} cannot come to ${parts.config.name}.`,
        why: 'A VM with its id is there already.',
        remedy: '',
      });
    }
    const vm = this.#power.create(config);
    vm.state = 'incoming';
    const token = newToken();
    try {
      const stream = await IncomingMigration.listen({
        vm: {
          vmId: vm.vmId,
          memory: vm.memory,
          memoryBytes: vm.memoryBytes,
          restore: (state) => {
            this.#restore(vm, state);
          },
          discard: () => {
            this.#discard(migrationId, vm);
          },
        },
        kernel: parts.kernel,
        memory: parts.memory,
        socketFolder: parts.socketFolder,
        migrationId,
        token,
      });
      this.#incoming.set(migrationId, { stream, vm, token });
      this.#tell(
        'migration/prepared',
        vm,
        `${config.name} may come to ${parts.config.name}; its memory is reserved.`,
      );
      return { socket: stream.socketPath, token };
    } catch (error) {
      this.#power.destroy(vm);
      throw error;
    }
  }

  async commitIncoming(
    migrationId: string,
  ): Promise<{ resumedAtNs: number; announcements: number }> {
    const { stream, vm, token } = this.#require(this.#incoming, migrationId);
    const adapters = new Set(
      vm.ports.map((port) => requireAdapter(this.#parts, port.config.adapter)),
    );
    for (const adapter of adapters) {
      this.#inlets.add(
        await LateFrameInlet.open(this.#parts, adapter, {
          id: migrationId,
          socket: stream.socketPath,
          token,
        }),
      );
    }
    stream.finish();
    this.#incoming.delete(migrationId);
    await this.#power.connect(vm, NIC_UP);
    await this.#power.run(vm);
    const resumedAtNs = this.#parts.clock();
    for (const port of vm.ports) port.kick();
    await this.#announce(vm);
    this.#announceLater(vm);
    await this.#power.requestQueues(vm);
    this.#tell('migration/arrived', vm, `${vm.config.name} runs on ${this.#parts.config.name}.`);
    return { resumedAtNs, announcements: 1 + ANNOUNCE_AFTER_MS.length };
  }

  abortIncoming(migrationId: string): Promise<void> {
    this.#incoming.get(migrationId)?.stream.abort('The lab gave the migration up.');
    return Promise.resolve();
  }

  // ── Source ────────────────────────────────────────────────────────────────────────────────────

  async *sendVm(
    migrationId: string,
    vmId: string,
    socket: string,
    token: string,
    signal: AbortSignal,
  ): AsyncGenerator<MigrationProgress> {
    const parts = this.#parts;
    const vm = requireVm(parts, vmId);
    vm.requireState('moved', 'running');
    const departing = new DepartingVm(parts, this.#power, vm);
    const stream = new OutgoingMigration({
      vm: departing,
      kernel: parts.kernel,
      memory: parts.memory,
      socketPath: socket,
      token,
      signal,
      now: parts.clock,
    });
    this.#outgoing.set(migrationId, { stream, vm: departing, socket, token });
    try {
      // The lab tells of phases and failures; it hears of both through this stream.
      yield* stream.progress();
    } catch (error) {
      this.#outgoing.delete(migrationId);
      throw error;
    }
  }

  async finishSend(migrationId: string): Promise<{ heldFrames: number; droppedFrames: number }> {
    const { stream, vm, socket, token } = this.#require(this.#outgoing, migrationId);
    const name = this.#parts.vms.get(vm.vmId)?.config.name ?? vm.vmId;
    stream.finish();
    this.#outgoing.delete(migrationId);
    const gap = await vm.leave({ socket, token });
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
    if (!outgoing) return;
    this.#outgoing.delete(migrationId);
    await outgoing.stream.cancel();
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const inlet of this.#inlets) await inlet.close();
    for (const { stream } of this.#incoming.values()) stream.abort('The host is closed.');
    for (const { stream } of this.#outgoing.values()) await stream.cancel();
  }

  // ── Incoming VM ───────────────────────────────────────────────────────────────────────────────

  /** Takes over the device state; nothing is served yet. */
  #restore(vm: VirtualMachine, state: DeviceState): void {
    if (state.nics.length !== vm.config.nics.length)
      throw new Error(`expected ${vm.config.nics.length} NICs, got ${state.nics.length}`);
    this.#power.makePorts(vm, []);
    for (const [index, port] of vm.ports.entries()) {
      const nic = state.nics[index];
      if (!nic) continue;
      const { receive, transmit } = nic;
      port.connect(
        { desc: receive.descriptors, avail: receive.avail, used: receive.used, size: receive.size },
        {
          desc: transmit.descriptors,
          avail: transmit.avail,
          used: transmit.used,
          size: transmit.size,
        },
        {
          rxAvail: receive.lastAvail,
          rxUsed: receive.usedNext,
          txAvail: transmit.lastAvail,
          txUsed: transmit.usedNext,
          rxSpares: nic.receiveSpares,
        },
      );
    }
  }

  #discard(migrationId: string, vm: VirtualMachine): void {
    this.#incoming.delete(migrationId);
    for (const port of vm.ports) port.free();
    vm.setPorts([]);
    this.#power.destroy(vm);
    this.#tell(
      'migration/discarded',
      vm,
      `${vm.config.name} did not come; its reserved memory is free again.`,
    );
  }

  /** One RARP per NIC address, into its VLAN: switches learn where the VM is now. */
  async #announce(vm: VirtualMachine): Promise<void> {
    for (const port of vm.ports) {
      const { hardware } = requireAdapter(this.#parts, port.config.adapter);
      for (const mac of port.config.macs) {
        const bytes = this.#parts.memory.u8.subarray(this.#scratch, this.#scratch + ANNOUNCE_BYTES);
        const length = buildRarpAnnounce(bytes, 0, parseMacAddress(mac));
        await hardware.defaultThread.request({
          kind: 'announce',
          nic: port.block,
          source: this.#scratch,
          length,
        });
      }
    }
  }

  #announceLater(vm: VirtualMachine): void {
    for (const delay of ANNOUNCE_AFTER_MS) {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        if (vm.state === 'running' && this.#parts.vms.get(vm.vmId) === vm)
          void this.#announce(vm).catch(() => undefined);
      }, delay);
      this.#timers.add(timer);
    }
  }

  #tell(type: string, vm: VirtualMachine, text: string, cause = 'The lab moves it.'): void {
    this.#parts.log.emit(type, { kind: 'vm', id: vm.vmId, name: vm.config.name }, text, cause);
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
