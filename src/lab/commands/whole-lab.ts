/** Commands on the lab as a whole: install a description of one (the sample, a lab file), clear it. */
import { join } from 'node:path';

import type { LabConfig } from '../../contract/model';
import { ASKED } from '../causes';
import type { LabContext } from '../context';
import type { Edit } from '../inventory/inventory';
import { loadLabFile } from '../lab-file/lab-file';
import { refusal, wrongState } from '../refusals';

export const SAMPLE_LAB_FILE = 'sample.yaml';

export class WholeLabCommands {
  readonly #context: LabContext;
  readonly #resourcesFolder: string;

  constructor(context: LabContext, resourcesFolder: string) {
    this.#context = context;
    this.#resourcesFolder = resourcesFolder;
  }

  /** Installs the shipped sample lab, all of it or nothing. Legal in an empty lab. */
  async openSample(): Promise<void> {
    const path = join(this.#resourcesFolder, 'labs', SAMPLE_LAB_FILE);
    const { config } = await loadLabFile(path, this.#context.captures);
    await this.install(config, 'The sample lab was opened.');
  }

  /** Makes a lab of a description: hosts started, VMs and links on them. All or nothing. Legal in an empty lab. */
  install(config: LabConfig, cause: string): Promise<void> {
    return this.#context.commands.run(async () => {
      const { inventory, events } = this.#context;
      this.#requireEmpty();
      const edits: Edit[] = [
        ...config.hosts.map((value) => ({ list: 'hosts', id: value.id, value }) as const),
        ...config.vms.map((value) => ({ list: 'vms', id: value.id, value }) as const),
        ...config.links.map((value) => ({ list: 'links', id: value.id, value }) as const),
      ];
      await inventory.applyWith(edits, () => this.#bringUp(config));
      await inventory.rename(config.name);
      const size = `${config.hosts.length} hosts, ${config.vms.length} VMs and ${config.links.length} links`;
      events.record('lab/installed', labObject(config.name), `The lab now has ${size}.`, cause);
    });
  }

  /** Removes every link, VM and host. */
  clear(): Promise<void> {
    return this.#context.commands.run(async () => {
      const { inventory, hosts, arbiter, experiments, events, stoppedLinks, restoreFailures } =
        this.#context;
      if (arbiter.activeCount > 0) {
        throw wrongState(
          'The lab cannot be cleared.',
          'A migration is running.',
          'Wait until it has ended, or cancel it.',
        );
      }
      const { hosts: hostList, vms, links, name } = inventory.config;
      await experiments.leave(
        hostList.map(({ id }) => id),
        'The lab is being cleared.',
      );
      await inventory.apply(
        ...links.map(({ id }) => ({ list: 'links', id, value: null }) as const),
        ...vms.map(({ id }) => ({ list: 'vms', id, value: null }) as const),
        ...hostList.map(({ id }) => ({ list: 'hosts', id, value: null }) as const),
      );
      await this.#unplugFabric(links);
      await Promise.all(hostList.map(({ id }) => hosts.remove(id)));
      stoppedLinks.clear();
      restoreFailures.clear();
      events.record(
        'lab/cleared',
        labObject(name),
        'All links, VMs and hosts were removed.',
        ASKED,
      );
    });
  }

  async #bringUp(config: LabConfig): Promise<void> {
    const { hosts, fabric, captures, restoreFailures } = this.#context;
    try {
      const resolved = await Promise.all(config.links.map((link) => captures.resolve(link)));
      await allOf(config.hosts.map(({ id }) => hosts.add(id).start()));
      for (const [vmId, why] of restoreFailures) {
        throw refusal({
          code: 'host-unavailable',
          what: `The VM "${vmId}" could not be made.`,
          why,
          remedy: '',
        });
      }
      for (const link of resolved)
        if (link.plug.at === 'fabric') await fabric.control.addLink(link);
    } catch (error) {
      await this.#unplugFabric(config.links);
      await Promise.all(config.hosts.map(({ id }) => hosts.remove(id)));
      restoreFailures.clear();
      throw error;
    }
  }

  async #unplugFabric(links: LabConfig['links']): Promise<void> {
    const { fabric } = this.#context;
    if (fabric.state !== 'running') return;
    for (const link of links) {
      // A link that the fabric does not have needs no removal.
      if (link.plug.at === 'fabric')
        await fabric.control.removeLink({ linkId: link.id }).catch(() => undefined);
    }
  }

  #requireEmpty(): void {
    const { hosts, vms, links } = this.#context.inventory.config;
    if (hosts.length + vms.length + links.length === 0) return;
    throw refusal({
      code: 'lab-not-empty',
      what: 'The lab is not empty.',
      why: `Found ${hosts.length} hosts, ${vms.length} VMs and ${links.length} links.`,
      remedy: 'Clear the lab first, or use another data folder.',
    });
  }
}

function labObject(name: string): { kind: 'lab'; id: string; name: string } {
  return { kind: 'lab', id: 'lab', name };
}

/** Waits for all, also when one rejects: nothing may still be under way when it is undone. */
async function allOf(starts: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(starts);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
