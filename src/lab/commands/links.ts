/** Commands on links: add, start, stop, remove, wherever they are plugged in. */
import type { LinkConfig } from '../../contract/model';
import { RefusalError } from '../../shared/refusal-error';
import { ASKED } from '../causes';
import type { LabContext } from '../context';
import { invalidValue, notFound, refusal } from '../refusals';
import type { HostControl } from '../process/control-link';
import { requireFreeName } from './names';

type LinkControl = Pick<HostControl, 'addLink' | 'startLink' | 'stopLink' | 'removeLink'>;

export class LinkCommands {
  readonly #context: LabContext;

  constructor(context: LabContext) {
    this.#context = context;
  }

  /** Adds and starts a link. */
  add(link: LinkConfig): Promise<void> {
    return this.#context.commands.run(async () => {
      const { inventory, captures } = this.#context;
      const { links } = inventory.config;
      requireFreeName('link', link.name, links);
      if (links.some((other) => other.id === link.id)) {
        throw refusal({
          code: 'duplicate-name',
          what: `There is a link with the id "${link.id}" already.`,
          why: 'An id may occur once among the links of a lab.',
          remedy: 'Choose another id.',
          field: 'id',
        });
      }
      this.#requirePlug(link);
      const resolved = await captures.resolve(link);
      await inventory.applyWith([{ list: 'links', id: link.id, value: link }], () =>
        this.#controlOf(link).addLink(resolved),
      );
      this.#record('link/added', link, `Link ${link.name} was plugged in.`);
    });
  }

  /** Starts a link again. Its process tells of it. */
  start({ linkId }: { linkId: string }): Promise<void> {
    return this.#context.commands.run(async () => {
      const link = this.#link(linkId);
      await this.#controlOf(link).startLink({ linkId });
      this.#context.stoppedLinks.delete(linkId);
    });
  }

  /** Stops a link until it is started again. Its process tells of it. */
  stop({ linkId }: { linkId: string }): Promise<void> {
    return this.#context.commands.run(async () => {
      const link = this.#link(linkId);
      await this.#controlOf(link).stopLink({ linkId });
      this.#context.stoppedLinks.add(linkId);
    });
  }

  /** Removes a link. When its process is not running, it is removed from the inventory alone. */
  remove({ linkId }: { linkId: string }): Promise<void> {
    return this.#context.commands.run(async () => {
      const { inventory, stoppedLinks } = this.#context;
      const link = this.#link(linkId);
      await inventory.applyWith([{ list: 'links', id: linkId, value: null }], async () => {
        try {
          await this.#controlOf(link).removeLink({ linkId });
        } catch (error) {
          // A link that the process does not have, or a process that is gone, leaves nothing to remove.
          const state = this.#processOf(link).state;
          const isGone = state === 'failed' || state === 'stopped';
          if (!isGone && !isNotFound(error)) throw error;
        }
      });
      stoppedLinks.delete(linkId);
      this.#record('link/removed', link, `Link ${link.name} was removed.`);
    });
  }

  #link(linkId: string): LinkConfig {
    const link = this.#context.inventory.link(linkId);
    if (link === undefined) throw notFound('link', linkId);
    return link;
  }

  #processOf({ plug }: LinkConfig): { readonly state: string; readonly control: LinkControl } {
    return plug.at === 'fabric' ? this.#context.fabric : this.#context.hosts.get(plug.hostId);
  }

  #controlOf(link: LinkConfig): LinkControl {
    return this.#processOf(link).control;
  }

  #requirePlug({ plug, name }: LinkConfig): void {
    if (plug.at === 'fabric') return;
    const host = this.#context.inventory.host(plug.hostId);
    if (host === undefined) throw notFound('host', plug.hostId);
    const adapters = host.adapters.map((adapter) => adapter.name);
    if (adapters.includes(plug.adapter)) return;
    throw invalidValue(
      'plug.adapter',
      `Link ${name} was not plugged in.`,
      `${host.name} has no adapter "${plug.adapter}"; expected one of: ${adapters.join(', ')}.`,
      'Choose an adapter of that host.',
    );
  }

  #record(type: string, link: LinkConfig, text: string): void {
    const hostId = link.plug.at === 'adapter' ? { hostId: link.plug.hostId } : {};
    this.#context.events.record(
      type,
      { kind: 'link', id: link.id, name: link.name },
      text,
      ASKED,
      hostId,
    );
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof RefusalError && error.refusal.code === 'not-found';
}
