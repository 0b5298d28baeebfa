/**
 * An engine process that moves no frames: it speaks the control contracts over the same message
 * port as the real one, keeps VMs and links as states, and fails where a test tells it to. It lives
 * in the test's process, so that a test can look into it and end it at any step.
 */
import { implement, ORPCError } from '@orpc/server';
import { RPCHandler } from '@orpc/server/message-port';

import type { HostProcessMessage } from '../../../src/contract/connection';
import type { EngineEvent } from '../../../src/contract/events';
import {
  fabricControlContract,
  hostControlContract,
  type FabricSnapshot,
  type HostSnapshot,
  type VmState,
} from '../../../src/contract/host';
import { type MigrationPhase, type MigrationProgress } from '../../../src/contract/migration';
import type { HostConfig, LinkConfig, VmConfig } from '../../../src/contract/model';
import type { Conservation, FabricReport, HostReport } from '../../../src/contract/report';
import { CONTRACT_VERSION } from '../../../src/contract/version';
import { ChangeSignal, watchChanges } from '../../../src/lab/change-signal';
import type { ProcessExit, ProcessKind, SpawnedProcess } from '../../../src/lab/process/spawner';
import { refusal } from '../../../src/lab/refusals';
import { parentChannelPort } from '../../../src/shared/message-channel-port';
import { RefusalError } from '../../../src/shared/refusal-error';

/** What happens when a command arrives, before it is carried out. */
export type Fault = (process: FakeEngineProcess) => void | Promise<void>;

const SENDING_PHASES: readonly MigrationPhase[] = [
  'preparing',
  'clearing-filters',
  'stopping-dma',
  'copying',
  'stopping-vm',
  'final-copy',
];

interface FakeVm {
  config: VmConfig;
  state: VmState;
}

interface FakeLink {
  config: LinkConfig;
  state: 'running' | 'stopped' | 'finished';
}

export class FakeEngineProcess implements SpawnedProcess {
  static #nextPid = 1000;

  readonly kind: ProcessKind;
  readonly name: string;
  readonly pid = (FakeEngineProcess.#nextPid += 1);
  /** Commands in the order in which they arrived, `sendVm:PHASE` for the phases of a migration. */
  readonly calls: string[] = [];
  readonly faults: ReadonlyMap<string, Fault>;
  /** What the launcher handed over. */
  readonly handedOver: { message: HostProcessMessage; transfer: readonly unknown[] }[] = [];
  readonly vms = new Map<string, FakeVm>();
  readonly links = new Map<string, FakeLink>();
  readonly incoming = new Map<string, VmConfig>();
  config: HostConfig | undefined;
  isAlive = true;

  readonly #channel = parentChannelPort((data) => this.#send({ kind: 'rpc', data }));
  readonly #messageListeners: ((message: unknown) => void)[] = [];
  readonly #exitListeners: ((exit: ProcessExit) => void)[] = [];
  readonly #changes = new ChangeSignal(1);
  readonly #eventChanges = new ChangeSignal(1);
  readonly #events: EngineEvent[] = [];
  readonly #sending = new Map<string, { vmId: string; cancelled: boolean }>();
  readonly #end = new AbortController();

  constructor(kind: ProcessKind, name: string, faults: ReadonlyMap<string, Fault>) {
    this.kind = kind;
    this.name = name;
    this.faults = faults;
    const port = this.#channel.port;
    if (kind === 'host') new RPCHandler(this.#hostRouter()).upgrade(port);
    else new RPCHandler(this.#fabricRouter()).upgrade(port);
  }

  post(message: HostProcessMessage, transfer: readonly unknown[] = []): void {
    if (!this.isAlive) throw new Error('the process has ended');
    if (message.kind === 'connect') this.handedOver.push({ message, transfer });
    else setImmediate(() => this.#channel.deliver(structuredClone(message.data)));
  }

  onMessage(listener: (message: unknown) => void): void {
    this.#messageListeners.push(listener);
  }

  onExit(listener: (exit: ProcessExit) => void): void {
    this.#exitListeners.push(listener);
  }

  kill(): void {
    this.#exit({ code: null, signal: 'SIGKILL', reason: 'ended by SIGKILL' });
  }

  /** Ends as a fault of the engine would end it. */
  crash(): void {
    this.#exit({ code: 70, signal: null, reason: 'exit code 70: the queue fell over' });
  }

  /** Streams an event to the lab. */
  emit(event: EngineEvent): void {
    this.#events.push(event);
    this.#eventChanges.changed();
  }

  /** Ends a replay or a bounded generator. */
  finishLink(linkId: string): void {
    const link = this.links.get(linkId);
    if (link !== undefined) link.state = 'finished';
    this.#changes.changed();
  }

  #exit(exit: ProcessExit): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.#end.abort();
    this.#channel.close();
    for (const listener of this.#exitListeners) setImmediate(() => listener(exit));
  }

  #send(message: HostProcessMessage): void {
    setImmediate(() => {
      if (!this.isAlive) return;
      for (const listener of this.#messageListeners) listener(structuredClone(message));
    });
  }

  async #arrive(command: string): Promise<void> {
    this.calls.push(command);
    await this.faults.get(command)?.(this);
    // A process that died in the command does nothing any more.
    if (!this.isAlive) await new Promise(() => undefined);
  }

  async #carryOut<Result>(command: string, next: () => Result): Promise<Awaited<Result>> {
    try {
      await this.#arrive(command);
      const result = await next();
      this.#changes.changed();
      return result;
    } catch (error) {
      throw asRefused(error);
    }
  }

  #hostRouter() {
    const os = implement(hostControlContract).use(({ next, path }) =>
      this.#carryOut(path.join('.'), () => next()),
    );
    return os.router({
      hello: os.hello.handler(() => this.#hello()),
      open: os.open.handler(({ input }) => {
        this.config = input.config;
        return {};
      }),
      watch: os.watch.handler(({ signal }) => this.#watch(() => this.#hostSnapshot(), signal)),
      events: os.events.handler(({ signal }) => this.#streamEvents(signal)),
      report: os.report.handler(() => this.#hostReport()),
      addVm: os.addVm.handler(({ input }) => {
        if (this.vms.has(input.id)) throw wrongState(`${input.name} is here already`);
        this.vms.set(input.id, { config: input, state: 'stopped' });
        return {};
      }),
      updateVm: os.updateVm.handler(({ input }) => {
        this.#vm(input.id).config = input;
        return {};
      }),
      removeVm: os.removeVm.handler(({ input }) => {
        if (this.#vm(input.vmId).state === 'running') throw wrongState('the VM is running');
        this.vms.delete(input.vmId);
        return {};
      }),
      startVm: os.startVm.handler(({ input }) => this.#setState(input.vmId, 'running')),
      stopVm: os.stopVm.handler(({ input }) => this.#setState(input.vmId, 'stopped')),
      setAdapter: os.setAdapter.handler(() => ({})),
      setNicFilters: os.setNicFilters.handler(() => ({})),
      addLink: os.addLink.handler(({ input }) => this.#setLink(input, 'running')),
      startLink: os.startLink.handler(({ input }) => this.#setLink(input.linkId, 'running')),
      stopLink: os.stopLink.handler(({ input }) => this.#setLink(input.linkId, 'stopped')),
      removeLink: os.removeLink.handler(({ input }) => this.#removeLink(input.linkId)),
      prepareIncoming: os.prepareIncoming.handler(({ input }) => {
        this.incoming.set(input.migrationId, input.vm);
        return { socket: '/nowhere', token: 'token' };
      }),
      sendVm: os.sendVm.handler(({ input }) => this.#sendVm(input.migrationId, input.vmId)),
      commitIncoming: os.commitIncoming.handler(({ input }) => {
        const config = this.incoming.get(input.migrationId);
        if (config === undefined) throw wrongState('nothing is coming');
        this.incoming.delete(input.migrationId);
        this.vms.set(config.id, { config, state: 'running' });
        return { resumedAtNs: 5_000_000, announcements: 3 };
      }),
      abortIncoming: os.abortIncoming.handler(({ input }) => {
        this.incoming.delete(input.migrationId);
        return {};
      }),
      finishSend: os.finishSend.handler(({ input }) => {
        const sending = this.#sending.get(input.migrationId);
        if (sending !== undefined) this.vms.delete(sending.vmId);
        this.#sending.delete(input.migrationId);
        return { heldFrames: 7, droppedFrames: 0 };
      }),
      cancelSend: os.cancelSend.handler(({ input }) => {
        const sending = this.#sending.get(input.migrationId);
        if (sending === undefined) return {};
        sending.cancelled = true;
        this.#sending.delete(input.migrationId);
        return this.#setState(sending.vmId, 'running');
      }),
      killThread: os.killThread.handler(() => ({})),
      close: os.close.handler(() => ({})),
    });
  }

  #fabricRouter() {
    const os = implement(fabricControlContract).use(({ next, path }) =>
      this.#carryOut(path.join('.'), () => next()),
    );
    return os.router({
      hello: os.hello.handler(() => this.#hello()),
      open: os.open.handler(() => ({})),
      watch: os.watch.handler(({ signal }) => this.#watch(() => this.#fabricSnapshot(), signal)),
      events: os.events.handler(({ signal }) => this.#streamEvents(signal)),
      report: os.report.handler(() => this.#fabricReport()),
      addLink: os.addLink.handler(({ input }) => this.#setLink(input, 'running')),
      startLink: os.startLink.handler(({ input }) => this.#setLink(input.linkId, 'running')),
      stopLink: os.stopLink.handler(({ input }) => this.#setLink(input.linkId, 'stopped')),
      removeLink: os.removeLink.handler(({ input }) => this.#removeLink(input.linkId)),
      startProbe: os.startProbe.handler(() => ({})),
      stopProbe: os.stopProbe.handler(() => ({
        sent: 100,
        received: 98,
        lost: 2,
        duplicated: 0,
        reordered: 0,
        silenceMs: 4,
      })),
      close: os.close.handler(() => ({})),
    });
  }

  #hello(): { contractVersion: number; pid: number } {
    return { contractVersion: CONTRACT_VERSION, pid: this.pid };
  }

  /** The VM stops with `stopping-vm`; the stream ends after `ready`. */
  async *#sendVm(migrationId: string, vmId: string): AsyncGenerator<MigrationProgress> {
    const sending = { vmId, cancelled: false };
    this.#sending.set(migrationId, sending);
    const vm = this.#vm(vmId);
    for (const [round, phase] of SENDING_PHASES.entries()) {
      await this.#arrive(`sendVm:${phase}`).catch((error: unknown) => {
        throw asRefused(error);
      });
      if (sending.cancelled) throw asRefused(wrongState('the migration was cancelled'));
      if (phase === 'stopping-vm') vm.state = 'paused';
      const isStopped = round >= SENDING_PHASES.indexOf('stopping-vm');
      yield {
        phase,
        round,
        sentBytes: round * 1000,
        remainingBytes: 5000 - round * 1000,
        totalBytes: 5000,
        stoppedAtNs: isStopped ? 2_000_000 : 0,
        ready: phase === 'final-copy',
      };
    }
  }

  #vm(vmId: string): FakeVm {
    const vm = this.vms.get(vmId);
    if (vm === undefined) throw notFound(vmId);
    return vm;
  }

  #setState(vmId: string, state: VmState): Record<string, never> {
    this.#vm(vmId).state = state;
    return {};
  }

  #setLink(link: LinkConfig | string, state: 'running' | 'stopped'): Record<string, never> {
    if (typeof link !== 'string') this.links.set(link.id, { config: link, state });
    else {
      const known = this.links.get(link);
      if (known === undefined) throw notFound(link);
      known.state = state;
    }
    return {};
  }

  #removeLink(linkId: string): Record<string, never> {
    if (!this.links.delete(linkId)) throw notFound(linkId);
    return {};
  }

  #watch<Snapshot>(
    read: () => Snapshot,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Snapshot> {
    return watchChanges(this.#changes, read, signal ?? this.#end.signal);
  }

  async *#streamEvents(signal: AbortSignal | undefined): AsyncGenerator<EngineEvent> {
    const end = signal ?? this.#end.signal;
    let next = 0;
    while (!end.aborted) {
      const revision = this.#eventChanges.revision;
      for (const event of this.#events.slice(next)) yield event;
      next = this.#events.length;
      await this.#eventChanges.next(revision, end);
    }
  }

  #linkSnapshots(): HostSnapshot['links'] {
    return [...this.links.values()].map(({ config, state }) => ({
      linkId: config.id,
      name: config.name,
      state,
      text: '',
      frames: 10,
      bytes: 640,
      loops: 1,
    }));
  }

  #hostSnapshot(): HostSnapshot {
    return {
      hostId: this.config?.id ?? 'unknown',
      name: this.name,
      revision: this.#changes.revision,
      processors: 2,
      affinity: { available: true, reason: '' },
      memory: { totalBytes: 1, usedBytes: 0 },
      adapters: [],
      queues: [],
      nics: [],
      vms: [...this.vms.values()].map(({ config, state }) => ({
        vmId: config.id,
        name: config.name,
        state,
        reason: '',
        guest: {
          arpReplies: 0,
          echoReplies: 0,
          udpEchoes: 0,
          sunkFrames: 0,
          sentFrames: 0,
          pagesWritten: 0,
          digests: [],
        },
      })),
      links: this.#linkSnapshots(),
      threads: [],
    };
  }

  #fabricSnapshot(): FabricSnapshot {
    return {
      revision: this.#changes.revision,
      ports: [],
      learnedMacs: 0,
      links: this.#linkSnapshots(),
    };
  }

  #hostReport(): HostReport {
    return {
      hostId: this.config?.id ?? 'unknown',
      name: this.name,
      queues: [],
      vms: [],
      switches: [],
      links: [],
      conservation: this.conservation,
    };
  }

  /** What the host's report says; a test may set it. */
  conservation: Conservation = {
    entered: { fromWire: 10, fromVms: 2, announced: 0 },
    copiesMade: 1,
    delivered: { toVms: 11, toWire: 1 },
    dropped: { 'port-full': 1 },
    held: 0,
    holds: true,
  };

  #fabricReport(): FabricReport {
    return {
      ports: [],
      links: [],
      entered: 10,
      copiesMade: 0,
      delivered: 10,
      dropped: 0,
      held: 0,
      learnedMacs: 4,
      holds: true,
    };
  }
}

/** A fault that refuses, as an engine does. */
export function refuses(
  code: 'wrong-state' | 'host-memory-exhausted' | 'migration-failed' = 'wrong-state',
): Fault {
  return () => {
    throw refusal({ code, what: 'The engine refused.', why: 'The test says so.', remedy: '' });
  };
}

/** A fault that ends the process while it carries the command out. */
export function crashes(): Fault {
  return (process) => process.crash();
}

/** A fault that never answers. */
export function hangs(): Fault {
  return () => new Promise(() => undefined);
}

function wrongState(why: string): RefusalError {
  return refusal({ code: 'wrong-state', what: 'The engine refused.', why, remedy: '' });
}

function notFound(id: string): RefusalError {
  return refusal({ code: 'not-found', what: `There is no "${id}".`, why: '', remedy: '' });
}

function asRefused(error: unknown): unknown {
  if (!(error instanceof RefusalError)) return error;
  return new ORPCError('REFUSED', { status: 409, message: error.message, data: error.refusal });
}
