/** Commands on hosts: create, delete, restart. */
import { hostConfigSchema, type HostConfig } from '../../contract/model';
import { ASKED } from '../causes';
import type { LabContext } from '../context';
import { uniqueId } from '../ids';
import { notFound, wrongState } from '../refusals';
import { requireFreeName } from './names';

/** Name of the adapter that a new host gets. NICs find adapters by name, so all hosts use the same. */
export const FIRST_ADAPTER = 'nic-a';
/** Host that a VM in an empty lab is created on. */
export const FIRST_HOST = 'Host A';

export interface NewHost {
  readonly name: string;
  readonly memoryMiB?: number;
  readonly queueCount?: number;
  /** Id of an adapter profile. */
  readonly profile?: string | undefined;
}

export class HostCommands {
  readonly #context: LabContext;

  constructor(context: LabContext) {
    this.#context = context;
  }

  create(request: NewHost): Promise<{ hostId: string }> {
    return this.#context.commands.run(async () => ({ hostId: (await this.createNow(request)).id }));
  }

  /** As `create`, for a command that is already running. */
  async createNow(request: NewHost): Promise<HostConfig> {
    const { inventory, hosts, events, profiles } = this.#context;
    const existing = inventory.config.hosts;
    requireFreeName('host', request.name, existing);
    const id = uniqueId(
      request.name,
      'host',
      existing.map((host) => host.id),
    );
    const { name, memoryMiB, queueCount } = request;
    const profile =
      request.profile === undefined ? undefined : await profiles.require(request.profile);
    const host = hostConfigSchema.parse({
      id,
      name,
      memoryMiB,
      adapters: [{ id: FIRST_ADAPTER, name: FIRST_ADAPTER, queueCount, profile }],
    });
    await inventory.applyWith([{ list: 'hosts', id, value: host }], async () => {
      try {
        await hosts.add(id).start();
      } catch (error) {
        await hosts.remove(id);
        throw error;
      }
    });
    events.record('host/created', { kind: 'host', id, name }, `${name} was created.`, ASKED, {
      hostId: id,
    });
    return host;
  }

  delete({ hostId }: { hostId: string }): Promise<void> {
    return this.#context.commands.run(() => this.deleteNow(hostId));
  }

  /** As `delete`, for a command that is already running. */
  async deleteNow(hostId: string): Promise<void> {
    const { inventory, hosts, events, arbiter, experiments } = this.#context;
    const host = inventory.host(hostId);
    if (host === undefined) throw notFound('host', hostId);
    const { vms, links } = inventory.config;
    const names = vms.filter((vm) => vm.hostId === hostId).map((vm) => vm.name);
    if (names.length > 0) {
      throw wrongState(
        `${host.name} cannot be deleted.`,
        `VMs are on it: ${names.join(', ')}.`,
        'Migrate or delete them first.',
      );
    }
    const moving = arbiter.vmsMovingAt(hostId);
    if (moving.length > 0) {
      throw wrongState(
        `${host.name} cannot be deleted.`,
        `VMs are moving to or from it: ${moving.join(', ')}.`,
        'Wait until they have arrived.',
      );
    }
    await experiments.leave([hostId], `${host.name} is being deleted.`);
    const plugged = links.filter(
      (link) => link.plug.at === 'adapter' && link.plug.hostId === hostId,
    );
    await inventory.apply(
      ...plugged.map(({ id }) => ({ list: 'links', id, value: null }) as const),
      { list: 'hosts', id: hostId, value: null },
    );
    await hosts.remove(hostId);
    for (const link of plugged) {
      this.#context.stoppedLinks.delete(link.id);
      events.record(
        'link/removed',
        { kind: 'link', id: link.id, name: link.name },
        `Link ${link.name} was removed.`,
        `Its host ${host.name} was deleted.`,
      );
    }
    events.record(
      'host/deleted',
      { kind: 'host', id: hostId, name: host.name },
      `${host.name} was deleted.`,
      ASKED,
      { hostId },
    );
  }

  /** Starts a failed host again, and the fabric with it when that has failed too. */
  restart({ hostId }: { hostId: string }): Promise<void> {
    return this.#context.commands.run(async () => {
      const { hosts, fabric, inventory, events } = this.#context;
      const host = hosts.get(hostId);
      const name = inventory.host(hostId)?.name ?? hostId;
      if (host.state !== 'failed' && host.state !== 'stopped') {
        throw wrongState(
          `${name} cannot be restarted.`,
          `Expected a failed host, found it ${host.state}.`,
          '',
        );
      }
      events.record(
        'host/restart-requested',
        { kind: 'host', id: hostId, name },
        `${name} is started again.`,
        ASKED,
        { hostId },
      );
      if (fabric.state === 'failed') await fabric.start();
      await host.start();
    });
  }
}
