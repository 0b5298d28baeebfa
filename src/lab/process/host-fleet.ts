/** The host processes of a lab by host id: one per host of the inventory, in whatever state. */
import type { EventList } from '../events';
import { notFound } from '../refusals';
import type { Inventory } from '../inventory/inventory';
import type { HostControl } from './control-link';
import { hostProcess, type HostProcess, type Rendezvous } from './engine-process';
import { processEvents, streamEvents } from './process-events';
import type { Spawner } from './spawner';
import type { RestartPolicy } from './supervisor';

export interface HostFleetOptions {
  readonly inventory: Inventory;
  readonly events: EventList;
  readonly spawner: Spawner;
  readonly policy: RestartPolicy;
  readonly rendezvous: Rendezvous;
  /** Brings the host's part of the inventory into a process that has just opened. */
  restore(hostId: string, control: HostControl, isRestart: boolean): Promise<void>;
  readonly onChange: () => void;
}

export class HostFleet {
  readonly #options: HostFleetOptions;
  readonly #hosts = new Map<string, HostProcess>();

  constructor(options: HostFleetOptions) {
    this.#options = options;
  }

  get all(): IterableIterator<[string, HostProcess]> {
    return this.#hosts.entries();
  }

  find(hostId: string): HostProcess | undefined {
    return this.#hosts.get(hostId);
  }

  /** @throws RefusalError `not-found` */
  get(hostId: string): HostProcess {
    const host = this.#hosts.get(hostId);
    if (host === undefined) throw notFound('host', hostId);
    return host;
  }

  /** Makes the process object of a host of the inventory; it does not start it. */
  add(hostId: string): HostProcess {
    const { inventory, events, spawner, policy, rendezvous, onChange } = this.#options;
    const config = () => {
      const found = inventory.host(hostId);
      if (found === undefined) throw notFound('host', hostId);
      return found;
    };
    const { name } = config();
    const object = { kind: 'host', id: hostId, name } as const;
    const host = hostProcess(name, config, {
      spawner,
      policy,
      rendezvous,
      restore: (control, isRestart) => this.#options.restore(hostId, control, isRestart),
      onState: processEvents(events, object, onChange, hostId),
      onStreamLost: streamEvents(events, object, hostId),
      onSnapshot: onChange,
      onEvent: (event) => events.add(event, hostId),
    });
    this.#hosts.set(hostId, host);
    onChange();
    return host;
  }

  /** Stops a host's process and forgets it. */
  async remove(hostId: string): Promise<void> {
    const host = this.#hosts.get(hostId);
    this.#hosts.delete(hostId);
    await host?.stop();
    this.#options.onChange();
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#hosts.values()].map((host) => host.stop()));
  }
}
