/**
 * Hosts and the fabric as the lab sees them: a supervised process, its latest snapshot, and its
 * events on their way to the lab's list. What has to be restored after `open` is injected, since
 * only the lab knows the inventory.
 */
import { createORPCClient, type ClientContext } from '@orpc/client';
import type { RPCLink } from '@orpc/client/message-port';

import type { EngineEvent } from '../../contract/events';
import type { FabricSnapshot, HostSnapshot } from '../../contract/host';
import type { HostConfig } from '../../contract/model';
import type { FabricControl, HostControl } from './control-link';
import type { SpawnedProcess, Spawner } from './spawner';
import {
  Supervisor,
  type EngineControl,
  type RestartPolicy,
  type SupervisedState,
} from './supervisor';

export interface Rendezvous {
  readonly fabricSocket: string;
  readonly socketFolder: string;
}

/** What the lab gives every engine process. */
export interface EngineProcessOptions<Control> {
  readonly spawner: Spawner;
  readonly policy: RestartPolicy;
  readonly rendezvous: Rendezvous;
  /** Adds VMs and links; must not reject because one of them fails. */
  restore(control: Control, isRestart: boolean): Promise<void>;
  onState(state: SupervisedState, cause: string): void;
  onSnapshot(): void;
  onEvent(event: EngineEvent): void;
  /** A stream broke although its process lives: the lab no longer sees what it does. */
  onStreamLost(stream: string, cause: string): void;
}

interface Streams<Snapshot> {
  watch(): Promise<AsyncIterable<Snapshot>>;
  events(): Promise<AsyncIterable<EngineEvent>>;
}

/** One engine process with its latest snapshot. */
export class EngineProcess<Control extends EngineControl & Streams<Snapshot>, Snapshot> {
  readonly #supervisor: Supervisor<Control>;
  #snapshot: Snapshot | null = null;

  constructor(
    identity: { readonly kind: 'host' | 'fabric'; readonly name: string },
    options: EngineProcessOptions<Control>,
    createControl: (link: RPCLink<ClientContext>) => Control,
    open: (control: Control) => Promise<unknown>,
  ) {
    this.#supervisor = new Supervisor<Control>({
      ...identity,
      spawner: options.spawner,
      policy: options.policy,
      createControl,
      onState: (state, cause) => {
        if (state !== 'running') this.#snapshot = null;
        options.onState(state, cause);
      },
      bringUp: async (control, link, isRestart) => {
        const lost = (stream: string) => (error: unknown) => {
          const { refusal } = link.toRefusal(error);
          // The end of the process itself is reported by its supervisor.
          if (refusal.code !== 'host-unavailable') options.onStreamLost(stream, refusal.why);
        };
        await open(control);
        follow(control.watch(), (snapshot) => {
          this.#snapshot = snapshot;
          options.onSnapshot();
        }).catch(lost('snapshots'));
        follow(control.events(), (event) => options.onEvent(event)).catch(lost('events'));
        await options.restore(control, isRestart);
      },
    });
  }

  /** The latest snapshot; null while the process is not running. */
  get snapshot(): Snapshot | null {
    return this.#snapshot;
  }

  get control(): Control {
    return this.#supervisor.control;
  }

  get state(): SupervisedState {
    return this.#supervisor.state;
  }

  get reason(): string {
    return this.#supervisor.reason;
  }

  get restarts(): number {
    return this.#supervisor.restarts;
  }

  get pid(): number | null {
    return this.#supervisor.pid;
  }

  get contractVersion(): number | null {
    return this.#supervisor.contractVersion;
  }

  get process(): SpawnedProcess | undefined {
    return this.#supervisor.process;
  }

  start(): Promise<void> {
    return this.#supervisor.start();
  }

  stop(): Promise<void> {
    return this.#supervisor.stop();
  }

  terminate(cause: string): Promise<void> {
    return this.#supervisor.terminate(cause);
  }

  onceLost(listener: (cause: string) => void): () => void {
    return this.#supervisor.onceLost(listener);
  }
}

export type HostProcess = EngineProcess<HostControl, HostSnapshot>;
export type FabricProcess = EngineProcess<FabricControl, FabricSnapshot>;

/** A host process; `config` is read at each start, so a restart uses the host's latest settings. */
export function hostProcess(
  name: string,
  config: () => HostConfig,
  options: EngineProcessOptions<HostControl>,
): HostProcess {
  return new EngineProcess<HostControl, HostSnapshot>(
    { kind: 'host', name },
    options,
    (link) => createORPCClient<HostControl>(link),
    (control) => control.open({ config: config(), rendezvous: options.rendezvous }),
  );
}

/** The fabric process. */
export function fabricProcess(options: EngineProcessOptions<FabricControl>): FabricProcess {
  return new EngineProcess<FabricControl, FabricSnapshot>(
    { kind: 'fabric', name: 'The fabric' },
    options,
    (link) => createORPCClient<FabricControl>(link),
    (control) => control.open({ rendezvous: options.rendezvous }),
  );
}

/** Reads a stream until it ends. */
async function follow<Value>(
  stream: Promise<AsyncIterable<Value>>,
  use: (value: Value) => void,
): Promise<void> {
  for await (const value of await stream) use(value);
}
