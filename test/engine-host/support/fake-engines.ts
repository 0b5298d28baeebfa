/** Engines that move no frames: they keep what they are told, and misbehave when a test asks for it. */
import type {
  EngineEvent,
  HostConfig,
  LinkConfig,
  MigrationProgress,
  ProbeSample,
  VmConfig,
} from '../../../src/contract';
import type {
  FabricEngine,
  HostEngine,
  ProbeRequest,
  SendRequest,
  Rendezvous,
} from '../../../src/engine-host/engine-api';
import { HEADER_COLUMNS, headerIndex, TELEMETRY_LAYOUT } from '../../../src/contract/telemetry';
import { RefusalError } from '../../../src/shared/refusal-error';

const ONE_PROBE = { sent: 1, received: 1, lost: 0, duplicated: 0, reordered: 0, silenceMs: 0 };

/** A host of this name samples arrays that fill a socket within a few ticks. */
export const LARGE_TELEMETRY = 'Large telemetry';
const LARGE_COLUMNS = 256 * 1024;

/** Listeners, and who is still there. */
class Listeners<Value> {
  readonly #listeners = new Set<(value: Value) => void>();

  add(listener: (value: Value) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(value: Value): void {
    for (const listener of this.#listeners) listener(value);
  }

  get count(): number {
    return this.#listeners.size;
  }
}

abstract class FakeEngine {
  readonly changes = new Listeners<undefined>();
  readonly events = new Listeners<EngineEvent>();
  readonly links = new Map<string, LinkConfig>();
  revision = 0;
  isClosed = false;

  onChange(listener: () => void): () => void {
    return this.changes.add(listener);
  }

  onEvent(listener: (event: EngineEvent) => void): () => void {
    return this.events.add(listener);
  }

  addLink(link: LinkConfig): Promise<void> {
    this.links.set(link.id, link);
    return this.changed();
  }

  startLink(): Promise<void> {
    return this.changed();
  }

  stopLink(): Promise<void> {
    return this.changed();
  }

  removeLink(linkId: string): Promise<void> {
    this.links.delete(linkId);
    return this.changed();
  }

  /** Takes longer than two samples of telemetry. */
  async close(): Promise<void> {
    this.isClosed = true;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }

  report(): Promise<never> {
    return Promise.reject(new TypeError('the fake engine has counted nothing'));
  }

  emit(text: string): void {
    this.events.tell({
      timeMs: 0,
      type: 'vm/added',
      severity: 'info',
      object: { kind: 'vm', id: 'vm-1', name: 'web-01' },
      text,
      cause: 'A test asked for it.',
    });
  }

  changed(): Promise<void> {
    this.revision += 1;
    this.changes.tell(undefined);
    return Promise.resolve();
  }
}

/** A host whose VMs are names. `addVm` of a known id is refused; the name `crash` breaks the engine. */
export class FakeHost extends FakeEngine implements HostEngine {
  readonly vms = new Map<string, VmConfig>();
  samples = 0;
  #config: HostConfig | undefined;
  #telemetry = new Float64Array(HEADER_COLUMNS.length);

  open(config: HostConfig, rendezvous: Rendezvous): Promise<void> {
    if (rendezvous.socketFolder === 'refuse') {
      return Promise.reject(
        new RefusalError({
          code: 'host-memory-exhausted',
          what: 'The host has no memory.',
          why: 'A test asked for it.',
          remedy: 'Take less.',
        }),
      );
    }
    this.#config = config;
    if (config.name === LARGE_TELEMETRY) this.#telemetry = new Float64Array(LARGE_COLUMNS);
    this.emit('opened');
    return this.changed();
  }

  snapshot(): ReturnType<HostEngine['snapshot']> {
    return {
      hostId: this.#config?.id ?? 'host-unopened',
      name: this.#config?.name ?? '',
      revision: this.revision,
      processors: 1,
      affinity: { available: false, reason: 'A fake engine has no threads.' },
      memory: { totalBytes: 0, usedBytes: 0 },
      adapters: [],
      queues: [],
      nics: [],
      vms: [...this.vms.values()].map(({ id, name }) => ({
        vmId: id,
        name,
        state: 'stopped',
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
      links: [],
      threads: [],
      transitions: [],
    };
  }

  /** The column `enteredFrames` counts the samples; the array is the same each time. */
  sampleTelemetry(): Float64Array {
    if (this.isClosed) throw new Error('the host is closed');
    this.samples += 1;
    this.#telemetry[headerIndex('layout')] = TELEMETRY_LAYOUT;
    this.#telemetry[headerIndex('enteredFrames')] = this.samples;
    return this.#telemetry;
  }

  adapterEvent(): Promise<void> {
    return this.changed();
  }

  requestLog(): ReturnType<HostEngine['requestLog']> {
    return [];
  }

  dumpQueue(adapterId: string, queueId: number): string {
    return `Queue ${queueId} of ${adapterId}`;
  }

  queueLatency(): ReturnType<HostEngine['queueLatency']> {
    const counted = { frames: 0, indications: 0, interrupts: 0 };
    return { atMs: performance.now(), buckets: [], longestMicroseconds: 0, ...counted };
  }

  addVm(vm: VmConfig): Promise<void> {
    if (vm.name === 'crash') return Promise.reject(new TypeError('a bug in the engine'));
    if (this.vms.has(vm.id)) {
      return Promise.reject(
        new RefusalError({
          code: 'duplicate-name',
          what: `The host has a VM "${vm.id}".`,
          why: 'Ids are unique.',
          remedy: 'Choose another id.',
          field: 'id',
        }),
      );
    }
    this.vms.set(vm.id, vm);
    this.emit(`added ${vm.name}`);
    return this.changed();
  }

  updateVm(vm: VmConfig): Promise<void> {
    this.vms.set(vm.id, vm);
    return this.changed();
  }

  removeVm(vmId: string): Promise<void> {
    this.vms.delete(vmId);
    return this.changed();
  }

  startVm(): Promise<void> {
    return this.changed();
  }

  stopVm(): Promise<void> {
    return this.changed();
  }

  setAdapter(): Promise<void> {
    return this.changed();
  }

  meterAdapter(): ReturnType<HostEngine['meterAdapter']> {
    return { atNs: 0, queuesUsed: 0, threads: [], queues: [] };
  }

  setNicFilters(): Promise<void> {
    return this.changed();
  }

  prepareIncoming(): Promise<{ socket: string; token: string }> {
    return Promise.resolve({ socket: 'socket', token: 'token' });
  }

  /** Endless for the VM `vm-endless`, which says by an event that it was cancelled; else refused after one step. */
  async *sendVm(
    _migrationId: string,
    { vmId }: SendRequest,
    signal: AbortSignal,
  ): AsyncGenerator<MigrationProgress> {
    for (let round = 1; !signal.aborted; round += 1) {
      yield {
        phase: 'copying',
        bytesPerSecond: 0,
        dirtyBytesPerSecond: 0,
        throttlePercent: 0,
        expectedDowntimeMs: 0,
        advice: '',
        roundList: [],
        round,
        sentBytes: 0,
        remainingBytes: 0,
        totalBytes: 0,
        stoppedAtNs: 0,
        ready: false,
      };
      if (vmId !== 'vm-endless') {
        throw new RefusalError({
          code: 'migration-failed',
          what: 'The VM stays here.',
          why: 'A test asked for it.',
          remedy: '',
        });
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    this.emit('cancelled');
  }

  commitIncoming(): Promise<{ resumedAtNs: number; announcements: number }> {
    return Promise.resolve({ resumedAtNs: 1, announcements: 2 });
  }

  abortIncoming(): Promise<void> {
    return Promise.resolve();
  }

  finishSend(): ReturnType<HostEngine['finishSend']> {
    return Promise.resolve({ heldFrames: 3, droppedFrames: 4, markerSeen: true });
  }

  setSendLimits(): Promise<void> {
    return Promise.resolve();
  }

  continueSend(): Promise<void> {
    return Promise.resolve();
  }

  breakStream(): Promise<void> {
    return Promise.resolve();
  }

  fillMemory(): Promise<void> {
    return Promise.resolve();
  }

  freeFilledMemory(): Promise<void> {
    return Promise.resolve();
  }

  cancelSend(): Promise<void> {
    return Promise.resolve();
  }

  /** Breaks the process itself, outside of any command. */
  killThread(): Promise<void> {
    setTimeout(() => {
      throw new Error('a fault outside of any command');
    });
    return Promise.resolve();
  }
}

/** A fabric without ports. */
export class FakeFabric extends FakeEngine implements FabricEngine {
  readonly probes = new Map<string, ProbeRequest>();

  open(): Promise<void> {
    return this.changed();
  }

  snapshot(): ReturnType<FabricEngine['snapshot']> {
    return { revision: this.revision, ports: [], learnedMacs: 0, links: [] };
  }

  startProbe(probe: ProbeRequest): Promise<void> {
    this.probes.set(probe.probeId, probe);
    return Promise.resolve();
  }

  stopProbe(probeId: string): ReturnType<FabricEngine['stopProbe']> {
    this.probes.delete(probeId);
    return Promise.resolve({ ...ONE_PROBE, toVm: ONE_PROBE, fromVm: ONE_PROBE });
  }

  /** Samples without end; says by an event that its watcher has left. */
  watchProbe(probeId: string, signal: AbortSignal | undefined): AsyncGenerator<ProbeSample> {
    if (this.probes.has(probeId)) return this.#samples(signal);
    throw new RefusalError({
      code: 'wrong-state',
      what: 'There is nothing to watch.',
      why: 'It was never started.',
      remedy: '',
    });
  }

  async *#samples(signal: AbortSignal | undefined): AsyncGenerator<ProbeSample> {
    for (let sent = 1; signal?.aborted !== true; sent++) {
      yield { ...ONE_PROBE, atMs: 100 * sent, sent, toVmReceived: 1 };
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    this.emit('watcher left');
  }

  loseProbes(probeId: string, direction: string, frames: number): Promise<void> {
    this.emit(`${probeId} loses ${frames} ${direction}`);
    return Promise.resolve();
  }
}
