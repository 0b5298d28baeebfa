/**
 * The VM commands of a host: adding, changing, removing, starting and stopping. A command is refused
 * before a thing is changed, or it is carried out whole. Control thread.
 */
import type { VmConfig } from '../../contract/model';
import { RefusalError } from '../../shared/refusal-error';
import { PAGE_SIZE } from '../kernel/layout';
import { writeWorkload } from '../vm/guest-image';
import type { VirtualMachine } from '../vm/virtual-machine';
import { requireVm, type HostParts } from './host-parts';
import type { VmPower } from './vm-power';

export class HostVms {
  readonly #parts: HostParts;
  readonly #power: VmPower;

  constructor(parts: HostParts, power: VmPower) {
    this.#parts = parts;
    this.#power = power;
  }

  async add(config: VmConfig): Promise<void> {
    if (this.#parts.vms.has(config.id)) {
      throw new RefusalError({
        code: 'wrong-state',
        what: `${config.name} cannot be added.`,
        why: `${this.#parts.config.name} has a VM with the id ${config.id}.`,
        remedy: '',
      });
    }
    this.#power.create(config);
    this.#tell('vm/added', config, `${config.name} was added with ${config.memoryMiB} MiB.`);
    return Promise.resolve();
  }

  async update(config: VmConfig): Promise<void> {
    const vm = requireVm(this.#parts, config.id);
    await vm.settled;
    if (vm.state === 'stopped') {
      this.#power.destroy(vm);
      try {
        this.#power.create(config);
      } catch (error) {
        this.#power.create(vm.config);
        throw error;
      }
    } else await this.#updateRunning(vm, config);
    this.#tell('vm/changed', config, `${config.name} was changed.`);
  }

  async remove(vmId: string): Promise<void> {
    const vm = requireVm(this.#parts, vmId);
    await vm.settled;
    vm.requireState('removed', 'stopped', 'failed');
    this.#power.destroy(vm);
    this.#tell('vm/removed', vm.config, `${vm.config.name} was removed; its memory is free again.`);
    return Promise.resolve();
  }

  async start(vmId: string, announce?: (vm: VirtualMachine) => Promise<void>): Promise<void> {
    const vm = requireVm(this.#parts, vmId);
    await this.#power.start(vm);
    await announce?.(vm);
    this.#tell('vm/started', vm.config, `${vm.config.name} is running.`);
  }

  async stop(vmId: string): Promise<void> {
    const vm = requireVm(this.#parts, vmId);
    await vm.settled;
    vm.requireState('stopped', 'running', 'failed');
    await this.#power.stop(vm);
    this.#tell('vm/stopped', vm.config, `${vm.config.name} was stopped.`);
  }

  /** Pages of a page writer that do not carry the stamp they must: 0 unless a page was lost. While its guest stands still. */
  inconsistentPages(vmId: string): number {
    const vm = requireVm(this.#parts, vmId);
    vm.requireState('checked', 'stopped', 'paused');
    return this.#parts.kernel.inconsistentPages(vm.memory);
  }

  /** A checksum of each page of a VM's memory, to compare it with another host's. While nobody writes it. */
  pageChecksums(vmId: string): bigint[] {
    const vm = requireVm(this.#parts, vmId);
    vm.requireState('checked', 'stopped', 'paused', 'incoming');
    return Array.from({ length: vm.pages }, (_, page) =>
      this.#parts.kernel.checksum(vm.memory + page * PAGE_SIZE, PAGE_SIZE),
    );
  }

  /** Name, queue request and workload can change while a VM runs. */
  async #updateRunning(vm: VirtualMachine, config: VmConfig): Promise<void> {
    const fixed = (value: VmConfig): unknown => ({
      ...value,
      name: '',
      workload: null,
      power: null,
      nics: value.nics.map((nic) => ({ ...nic, queue: null })),
    });
    if (JSON.stringify(fixed(vm.config)) !== JSON.stringify(fixed(config))) {
      throw new RefusalError({
        code: 'wrong-state',
        what: `${vm.config.name} cannot be changed like this while it runs.`,
        why: 'Only name, queue request and workload can change then.',
        remedy: 'Stop it first.',
      });
    }
    vm.requireState('changed', 'running');
    if (JSON.stringify(vm.config.workload) !== JSON.stringify(config.workload)) {
      await this.#power.halt(vm);
      writeWorkload(this.#parts.memory, vm.memory, config.workload, this.#parts.clock());
      await this.#power.run(vm);
    }
    vm.config = config;
    for (const [index, port] of vm.ports.entries()) {
      const nic = config.nics[index];
      if (!nic) continue;
      port.vmName = config.name;
      const asked = JSON.stringify(port.config.queue) !== JSON.stringify(nic.queue);
      port.config = nic;
      if (asked) await this.#power.switchOf(port).requestQueue(port.index);
    }
  }

  #tell(type: string, { id, name }: VmConfig, text: string): void {
    const cause = 'An administrator or a lab file asked for it.';
    this.#parts.log.emit(type, { kind: 'vm', id, name }, text, cause);
  }
}
