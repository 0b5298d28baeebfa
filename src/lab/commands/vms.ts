/**
 * Commands on VMs: create, update, delete, start, stop. What a host has done it tells itself; the lab
 * records what no host can tell.
 */
import type { z } from 'zod';

import type { vmDraftSchema } from '../../contract/lab';
import type { HostConfig, NicConfig, VmConfig } from '../../contract/model';
import { ASKED } from '../causes';
import type { LabContext } from '../context';
import { nicId, uniqueId } from '../ids';
import { invalidValue, notFound, wrongState } from '../refusals';
import { FIRST_ADAPTER, FIRST_HOST, type HostCommands } from './hosts';
import { requireFreeName } from './names';

/** A VM as the create form sends it, with the schema's defaults filled in. */
export type NewVm = z.output<typeof vmDraftSchema>;

export class VmCommands {
  readonly #context: LabContext;
  readonly #hosts: HostCommands;

  constructor(context: LabContext, hosts: HostCommands) {
    this.#context = context;
    this.#hosts = hosts;
  }

  /** Creates a VM; in an empty lab without a host named, "Host A" first. */
  create(draft: NewVm): Promise<{ vmId: string }> {
    return this.#context.commands.run(async () => {
      const { inventory } = this.#context;
      requireFreeName('VM', draft.name, inventory.config.vms);
      this.#context.macs.requireFree(draftMacs(draft));
      const isFirst = inventory.config.hosts.length === 0 && draft.hostId === undefined;
      if (isFirst)
        requireAdapters(draft.nics, { name: FIRST_HOST, adapters: [{ name: FIRST_ADAPTER }] });
      const host = isFirst
        ? await this.#hosts.createNow({ name: FIRST_HOST })
        : this.#hostFor(draft);
      try {
        return { vmId: await this.#createOn(host, draft) };
      } catch (error) {
        if (isFirst) await this.#hosts.deleteNow(host.id);
        throw error;
      }
    });
  }

  /**
   * Changes a VM's settings. Its host and its power are left as they are: `migrate`, `startVm` and
   * `stopVm` change those. The host refuses what its VM's state does not allow.
   */
  update(config: VmConfig): Promise<void> {
    return this.#context.commands.run(async () => {
      const { inventory, hosts, macs } = this.#context;
      const before = this.#idle(config.id);
      if (config.hostId !== before.hostId) {
        throw invalidValue(
          'hostId',
          `${before.name} was not changed.`,
          'The host of a VM changes by migration only.',
          'Migrate the VM.',
        );
      }
      const host = inventory.host(before.hostId);
      if (host === undefined) throw notFound('host', before.hostId);
      requireFreeName('VM', config.name, inventory.config.vms, config.id);
      macs.requireFree(configMacs(config), config.id);
      requireAdapters(config.nics, host);
      this.#requireOwnNicIds(config);
      const after: VmConfig = { ...config, power: before.power };
      await inventory.applyWith([{ list: 'vms', id: config.id, value: after }], () =>
        hosts.get(after.hostId).control.updateVm(after),
      );
    });
  }

  /** Removes a stopped VM. When its host is not running, it is removed from the inventory alone. */
  delete({ vmId }: { vmId: string }): Promise<void> {
    return this.#context.commands.run(async () => {
      const { inventory, hosts, events, restoreFailures } = this.#context;
      const vm = this.#idle(vmId);
      const host = hosts.get(vm.hostId);
      const isGone =
        host.state === 'failed' || host.state === 'stopped' || restoreFailures.has(vmId);
      await inventory.applyWith([{ list: 'vms', id: vmId, value: null }], async () => {
        try {
          await host.control.removeVm({ vmId });
        } catch (error) {
          // What is not on the host needs no removal.
          if (!isGone) throw error;
          const object = { kind: 'vm', id: vm.id, name: vm.name } as const;
          const text = `${vm.name} was deleted; it was not on its host.`;
          events.record('vm/deleted', object, text, ASKED, { hostId: vm.hostId });
        }
      });
      restoreFailures.delete(vmId);
    });
  }

  start({ vmId }: { vmId: string }): Promise<void> {
    return this.#context.commands.run(async () => {
      const { inventory, hosts, restoreFailures } = this.#context;
      const vm = this.#idle(vmId);
      const value: VmConfig = { ...vm, power: 'running' };
      await inventory.applyWith([{ list: 'vms', id: vmId, value }], async () => {
        const { control } = hosts.get(vm.hostId);
        // A VM that could not be restored is not on its host: try again.
        if (restoreFailures.has(vmId)) await control.addVm(value).catch(() => undefined);
        await control.startVm({ vmId });
      });
      restoreFailures.delete(vmId);
    });
  }

  stop({ vmId }: { vmId: string }): Promise<void> {
    return this.#context.commands.run(async () => {
      const { inventory, hosts } = this.#context;
      const vm = this.#idle(vmId);
      await inventory.applyWith(
        [{ list: 'vms', id: vmId, value: { ...vm, power: 'stopped' } }],
        () => hosts.get(vm.hostId).control.stopVm({ vmId }),
      );
    });
  }

  async #createOn(host: HostConfig, draft: NewVm): Promise<string> {
    const { inventory, hosts } = this.#context;
    requireAdapters(draft.nics, host);
    const id = uniqueId(
      draft.name,
      'vm',
      inventory.config.vms.map((vm) => vm.id),
    );
    const vm = this.#fromDraft(id, host, draft);
    await inventory.applyWith([{ list: 'vms', id, value: vm }], async () => {
      const { control } = hosts.get(host.id);
      await control.addVm(vm);
      if (!draft.start) return;
      try {
        await control.startVm({ vmId: id });
      } catch (error) {
        await control.removeVm({ vmId: id }).catch(() => undefined);
        throw error;
      }
    });
    return id;
  }

  #fromDraft(id: string, host: HostConfig, draft: NewVm): VmConfig {
    const taken = new Set(draftMacs(draft).map(({ mac }) => mac));
    const nics = draft.nics.map(({ mac, adapter, ...nic }, index): NicConfig => {
      const own = mac ?? this.#context.macs.suggest(taken);
      taken.add(own);
      return {
        ...nic,
        id: nicId(id, index),
        adapter: adapter ?? host.adapters[0]?.name ?? FIRST_ADAPTER,
        macs: [own],
      };
    });
    const { name, memoryMiB, workload } = draft;
    return {
      id,
      name,
      hostId: host.id,
      memoryMiB,
      nics,
      workload,
      power: draft.start ? 'running' : 'stopped',
    };
  }

  #hostFor(draft: NewVm): HostConfig {
    const { hosts } = this.#context.inventory.config;
    if (draft.hostId !== undefined) {
      const host = hosts.find((candidate) => candidate.id === draft.hostId);
      if (host === undefined) throw notFound('host', draft.hostId);
      return host;
    }
    const [only, ...others] = hosts;
    if (only === undefined || others.length > 0) {
      throw invalidValue(
        'hostId',
        `${draft.name} was not created.`,
        `Expected a host, since the lab has ${hosts.length}.`,
        'Choose the host to create the VM on.',
      );
    }
    return only;
  }

  /** The VM, unless it is moving: its settings and its power stay as they are until it has arrived. */
  #idle(vmId: string): VmConfig {
    const vm = this.#context.inventory.vm(vmId);
    if (vm === undefined) throw notFound('VM', vmId);
    if (this.#context.arbiter.migrationOf(vmId) !== null) {
      throw wrongState(
        `${vm.name} is being migrated.`,
        'It cannot be changed meanwhile.',
        'Wait until it has arrived, or cancel the migration.',
      );
    }
    return vm;
  }

  #requireOwnNicIds(config: VmConfig): void {
    const others = this.#context.inventory.config.vms.filter((vm) => vm.id !== config.id);
    const used = new Set(others.flatMap((vm) => vm.nics.map((nic) => nic.id)));
    config.nics.forEach((nic, index) => {
      if (used.has(nic.id)) {
        throw invalidValue(
          `nics.${index}.id`,
          `${config.name} was not changed.`,
          `The NIC id "${nic.id}" is in use.`,
          '',
        );
      }
      used.add(nic.id);
    });
  }
}

function draftMacs(draft: NewVm): { mac: string; field: string }[] {
  return draft.nics.flatMap(({ mac }, index) =>
    mac === undefined ? [] : [{ mac, field: `nics.${index}.mac` }],
  );
}

function configMacs(config: VmConfig): { mac: string; field: string }[] {
  return config.nics.flatMap((nic, index) =>
    nic.macs.map((mac, macIndex) => ({ mac, field: `nics.${index}.macs.${macIndex}` })),
  );
}

interface WithAdapters {
  readonly name: string;
  readonly adapters: readonly { readonly name: string }[];
}

function requireAdapters(
  nics: readonly { readonly adapter?: string | undefined }[],
  host: WithAdapters,
): void {
  const names = host.adapters.map((adapter) => adapter.name);
  nics.forEach(({ adapter }, index) => {
    if (adapter === undefined || names.includes(adapter)) return;
    throw invalidValue(
      `nics.${index}.adapter`,
      `${host.name} has no adapter "${adapter}".`,
      `Expected one of: ${names.join(', ')}.`,
      'Choose an adapter of that host.',
    );
  });
}
