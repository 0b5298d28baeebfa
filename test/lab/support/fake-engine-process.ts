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
  type VmState,
} from '../../../src/contract/host';
import type { MigrationProgress } from '../../../src/contract/migration';
import {
  adapterConfigSchema,
  type AdapterConfig,
  type HostConfig,
  type LinkConfig,
  type VmConfig,
} from '../../../src/contract/model';
import type { Conservation } from '../../../src/contract/report';
import { CONTRACT_VERSION } from '../../../src/contract/version';
import { ChangeSignal, watchChanges } from '../../../src/lab/change-signal';
import type { ProcessExit, ProcessKind, SpawnedProcess } from '../../../src/lab/process/spawner';
import { refusal } from '../../../src/lab/refusals';
import { parentChannelPort } from '../../../src/shared/message-channel-port';
import { RefusalError } from '../../../src/shared/refusal-error';
import { MIB } from '../../../src/shared/units';
import { FakeProbes } from './fake-probes';
import { FakeTraffic } from './fake-traffic';
import { FakeSending, type SendRequest } from './fake-sending';
import {
  fakeFabricReport,
  fakeFabricSnapshot,
  fakeHostReport,
  fakeHostSnapshot,
  freeBytes,
  type FakeHostParts,
  type FakeLink,
  type FakeVm,
} from './fake-snapshots';

/** What happens when a command arrives, before it is carried out. */
export type Fault = (process: FakeEngineProcess) => void | Promise<void>;

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
  /** What it sends, by migration; removed when the VM has left or runs on. */
  readonly sending = new Map<string, FakeSending>();
  readonly probes = new FakeProbes();
  /** What an adapter's meter says. */
  readonly traffic = new FakeTraffic();
  /** What `finishSend` answers; a test may set it. */
  markerSeen = true;
  /** What `fillMemory` took. */
  filledBytes = 0;
  config: HostConfig | undefined;
  isAlive = true;
  /** When it is set, a killed process goes on until it resolves. */
  lingering: Promise<void> | undefined;

  readonly #channel = parentChannelPort((data) => this.#send({ kind: 'rpc', data }));
  readonly #messageListeners: ((message: unknown) => void)[] = [];
  readonly #exitListeners: ((exit: ProcessExit) => void)[] = [];
  readonly #changes = new ChangeSignal(1);
  readonly #eventChanges = new ChangeSignal(1);
  readonly #events: EngineEvent[] = [];
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
    const exit = { code: null, signal: 'SIGKILL', reason: 'ended by SIGKILL' };
    if (this.lingering === undefined) this.#exit(exit);
    else void this.lingering.then(() => this.#exit(exit));
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

  /** Sends a snapshot of what a test has changed. */
  changed(): void {
    this.#changes.changed();
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
      watch: os.watch.handler(({ signal }) =>
        this.#watch(() => fakeHostSnapshot(this.#parts()), signal),
      ),
      events: os.events.handler(({ signal }) => this.#streamEvents(signal)),
      report: os.report.handler(() =>
        fakeHostReport(this.config?.id ?? 'unknown', this.name, this.conservation),
      ),
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
      setAdapter: os.setAdapter.handler(({ input }) => {
        this.#setAdapter(adapterConfigSchema.parse(input));
        return {};
      }),
      meterAdapter: os.meterAdapter.handler(({ input }) =>
        this.traffic.meter(this.config?.adapters.find(({ id }) => id === input.adapterId)),
      ),
      adapterEvent: os.adapterEvent.handler(() => ({})),
      setNicFilters: os.setNicFilters.handler(() => ({})),
      addLink: os.addLink.handler(({ input }) => this.#setLink(input, 'running')),
      startLink: os.startLink.handler(({ input }) => this.#setLink(input.linkId, 'running')),
      stopLink: os.stopLink.handler(({ input }) => this.#setLink(input.linkId, 'stopped')),
      removeLink: os.removeLink.handler(({ input }) => this.#removeLink(input.linkId)),
      prepareIncoming: os.prepareIncoming.handler(({ input }) => {
        if (freeBytes(this.#parts()) < input.vm.memoryMiB * MIB)
          throw wrongState('the memory is full', 'host-memory-exhausted');
        this.incoming.set(input.migrationId, input.vm);
        return { socket: '/nowhere', token: 'token' };
      }),
      sendVm: os.sendVm.handler(({ input }) => this.#sendVm(input)),
      setSendLimits: os.setSendLimits.handler(({ input }) => {
        this.#outgoing(input.migrationId).limits = input.limits;
        return {};
      }),
      continueSend: os.continueSend.handler(({ input }) => {
        this.sending.get(input.migrationId)?.continue();
        return {};
      }),
      breakStream: os.breakStream.handler(({ input }) => {
        this.#outgoing(input.migrationId).break(input.how);
        return {};
      }),
      fillMemory: os.fillMemory.handler(({ input }) => {
        this.filledBytes += Math.max(0, freeBytes(this.#parts()) - input.leaveBytes);
        return {};
      }),
      freeFilledMemory: os.freeFilledMemory.handler(() => {
        this.filledBytes = 0;
        return {};
      }),
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
        const sending = this.sending.get(input.migrationId);
        if (sending !== undefined) this.vms.delete(sending.request.vmId);
        this.sending.delete(input.migrationId);
        return { heldFrames: 7, droppedFrames: 0, markerSeen: this.markerSeen };
      }),
      cancelSend: os.cancelSend.handler(({ input }) => {
        const sending = this.sending.get(input.migrationId);
        if (sending === undefined) return {};
        sending.cancel();
        this.sending.delete(input.migrationId);
        return this.#setState(sending.request.vmId, 'running');
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
      watch: os.watch.handler(({ signal }) =>
        this.#watch(
          () => fakeFabricSnapshot(this.#changes.revision, [...this.links.values()]),
          signal,
        ),
      ),
      events: os.events.handler(({ signal }) => this.#streamEvents(signal)),
      report: os.report.handler(() => fakeFabricReport()),
      addLink: os.addLink.handler(({ input }) => this.#setLink(input, 'running')),
      startLink: os.startLink.handler(({ input }) => this.#setLink(input.linkId, 'running')),
      stopLink: os.stopLink.handler(({ input }) => this.#setLink(input.linkId, 'stopped')),
      removeLink: os.removeLink.handler(({ input }) => this.#removeLink(input.linkId)),
      startProbe: os.startProbe.handler(({ input }) => {
        this.probes.start(input.probeId, input.perSecond);
        return {};
      }),
      watchProbe: os.watchProbe.handler(({ input, signal }) =>
        this.probes.watch(input.probeId, signal ?? this.#end.signal),
      ),
      loseProbes: os.loseProbes.handler(({ input }) => {
        this.probes.lose(input.probeId, input.direction, input.frames);
        return {};
      }),
      stopProbe: os.stopProbe.handler(({ input }) => this.probes.stop(input.probeId)),
      close: os.close.handler(() => ({})),
    });
  }

  #hello(): { contractVersion: number; pid: number } {
    return { contractVersion: CONTRACT_VERSION, pid: this.pid };
  }

  /** The VM stops with `stopping-vm`; the stream ends after `ready`. A reader who leaves before cancels. */
  async *#sendVm(request: SendRequest): AsyncGenerator<MigrationProgress> {
    const sending = new FakeSending(request);
    this.sending.set(request.migrationId, sending);
    const vm = this.#vm(request.vmId);
    const resume = (): void => {
      this.sending.delete(request.migrationId);
      vm.state = 'running';
      this.#changes.changed();
    };
    let isReady = false;
    try {
      const phases = sending.progress(
        (phase) => this.#arrive(`sendVm:${phase}`),
        () => {
          vm.state = 'paused';
        },
        resume,
      );
      for await (const progress of phases) {
        isReady = progress.ready;
        yield progress;
      }
    } catch (error) {
      throw asRefused(error);
    } finally {
      if (!isReady && sending.isOpen) resume();
    }
  }

  #outgoing(migrationId: string): FakeSending {
    const sending = this.sending.get(migrationId);
    if (sending === undefined) throw notFound(migrationId);
    return sending;
  }

  #parts(): FakeHostParts {
    return {
      config: this.config,
      name: this.name,
      revision: this.#changes.revision,
      vms: [...this.vms.values()],
      incoming: [...this.incoming.values()],
      links: [...this.links.values()],
      filledBytes: this.filledBytes,
    };
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

  #setAdapter(adapter: AdapterConfig): void {
    if (this.config === undefined) return;
    const adapters = this.config.adapters.map((each) => (each.id === adapter.id ? adapter : each));
    this.config = { ...this.config, adapters };
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

  /** What the host's report says; a test may set it. */
  conservation: Conservation = {
    entered: { fromWire: 10, fromVms: 2, announced: 0 },
    copiesMade: 1,
    delivered: { toVms: 11, toWire: 1 },
    dropped: { 'port-full': 1 },
    held: 0,
    holds: true,
  };
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

function wrongState(
  why: string,
  code: 'wrong-state' | 'host-memory-exhausted' = 'wrong-state',
): RefusalError {
  return refusal({ code, what: 'The engine refused.', why, remedy: '' });
}

function notFound(id: string): RefusalError {
  return refusal({ code: 'not-found', what: `There is no "${id}".`, why: '', remedy: '' });
}

function asRefused(error: unknown): unknown {
  if (!(error instanceof RefusalError)) return error;
  return new ORPCError('REFUSED', { status: 409, message: error.message, data: error.refusal });
}
