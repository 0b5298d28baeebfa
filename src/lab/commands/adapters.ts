/** Commands on adapters and on the receive filters of NICs. */
import type { AdapterConfig } from '../../contract/model';
import type { AdapterEvent, AdapterProfile } from '../../contract/vmq';
import { ASKED } from '../causes';
import type { LabContext } from '../context';
import { invalidValue, notFound } from '../refusals';

/** Settings that are fixed while the host exists. */
const FIXED = ['name', 'uplink'] as const;

export class AdapterCommands {
  readonly #context: LabContext;

  constructor(context: LabContext) {
    this.#context = context;
  }

  /** Profiles that an adapter can have. */
  profiles(): Promise<AdapterProfile[]> {
    return this.#context.profiles.all();
  }

  /** Changes VMQ on/off, queues, profile, buffer mode and moderation while frames flow. The host tells of it. */
  set({ hostId, adapter }: { hostId: string; adapter: AdapterConfig }): Promise<void> {
    return this.#context.commands.run(async () => {
      const { inventory, hosts, experiments } = this.#context;
      const host = inventory.host(hostId);
      if (host === undefined) throw notFound('host', hostId);
      experiments.requireIdle(hostId, adapter.id);
      const before = host.adapters.find((candidate) => candidate.id === adapter.id);
      if (before === undefined) throw notFound(`adapter of ${host.name}`, adapter.id);
      for (const field of FIXED) {
        if (adapter[field] === before[field]) continue;
        throw invalidValue(
          `adapter.${field}`,
          `${before.name} of ${host.name} was not changed.`,
          `${field} is fixed while the host exists: expected "${before[field]}", found "${adapter[field]}".`,
          'Create another host with this setting.',
        );
      }
      const adapters = host.adapters.map((candidate) =>
        candidate.id === adapter.id ? adapter : candidate,
      );
      await inventory.applyWith([{ list: 'hosts', id: hostId, value: { ...host, adapters } }], () =>
        hosts.get(hostId).control.setAdapter(adapter),
      );
    });
  }

  /** Something happens to an adapter. It is not saved: a host that starts again has running adapters. */
  liveThrough({
    hostId,
    adapterId,
    event,
  }: {
    hostId: string;
    adapterId: string;
    event: AdapterEvent;
  }): Promise<void> {
    return this.#context.commands.run(async () => {
      const { inventory, hosts, experiments } = this.#context;
      const host = inventory.host(hostId);
      if (host === undefined) throw notFound('host', hostId);
      if (!host.adapters.some((adapter) => adapter.id === adapterId))
        throw notFound(`adapter of ${host.name}`, adapterId);
      experiments.requireIdle(hostId, adapterId);
      await hosts.get(hostId).control.adapterEvent({ adapterId, event });
    });
  }

  /** Sets or clears the receive filters of a NIC's queue. It is not saved: a restart sets them. */
  setNicFilters({
    vmId,
    nic: index,
    set,
  }: {
    vmId: string;
    nic: number;
    set: boolean;
  }): Promise<void> {
    return this.#context.commands.run(async () => {
      const { inventory, hosts, events } = this.#context;
      const vm = inventory.vm(vmId);
      if (vm === undefined) throw notFound('VM', vmId);
      const nic = vm.nics[index];
      if (nic === undefined) throw notFound(`NIC of ${vm.name}`, String(index));
      await hosts.get(vm.hostId).control.setNicFilters({ nicId: nic.id, set });
      const verb = set ? 'set' : 'cleared';
      events.record(
        `filter/${verb}`,
        { kind: 'nic', id: nic.id, name: `NIC ${index} of ${vm.name}` },
        `The filters of ${vm.name} were ${verb}.`,
        ASKED,
        { hostId: vm.hostId },
      );
    });
  }
}
