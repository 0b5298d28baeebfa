/**
 * A stand-in for the lab and its hosts, for looking at the page without an engine. It keeps the
 * contracts and invents traffic; it is used by test/renderer/support/vite.config.ts only.
 */
import { implement, ORPCError } from '@orpc/server';
import type { RefusalCode } from '../../../src/contract/errors';
import type { LabEvent } from '../../../src/contract/events';
import type { HostSnapshot } from '../../../src/contract/host';
import { hostViewContract } from '../../../src/contract/host';
import type { LabSnapshot, MigrationSnapshot } from '../../../src/contract/lab';
import { labContract } from '../../../src/contract/lab';
import type { HostConfig, LabConfig, VmConfig } from '../../../src/contract/model';
import { DEFAULT_ADAPTER_PROFILE } from '../../../src/contract/vmq';
import { CONTRACT_VERSION } from '../../../src/contract/version';
import { FakeEngine } from './fake-engine';
import { FakeMigrations } from './fake-migrations';
import { fakeDump, fakeRequests } from './fake-ndis';
import { sampleLab } from './sample-lab';

function refuse(code: RefusalCode, what: string, why: string, remedy = '', field?: string): never {
  const data = { code, what, why, remedy, ...(field ? { field } : {}) };
  throw new ORPCError('REFUSED', { status: 409, message: what, data, defined: true });
}

/** A host on which nothing fits: its adapter has another name, and it is small. */
const SMALL_HOST: HostConfig = {
  id: 'host-c',
  name: 'Host C',
  memoryMiB: 192,
  adapters: [
    {
      id: 'nic-b',
      name: 'nic-b',
      queueCount: 4,
      vmqEnabled: true,
      bufferMode: 'shared-memory',
      moderationMicroseconds: 50,
      uplink: 'fabric',
    },
  ],
};

export class FakeLab {
  config: LabConfig = { schema: 1, name: 'My lab', hosts: [], vms: [], links: [] };
  readonly engine = new FakeEngine(this);
  readonly events: LabEvent[] = [];
  readonly moves = new FakeMigrations(this);
  readonly states = new Map<string, 'running' | 'stopped'>();
  readonly hostStates = new Map<string, 'running' | 'failed'>();
  #notices: LabSnapshot['notices'] = [];
  #revision = 0;
  readonly #startMs = Date.now();
  readonly #wakers = new Set<() => void>();

  constructor(options: { empty?: boolean; notice?: boolean } = {}) {
    if (!options.empty) this.openSample();
    if (options.notice) {
      const refusal = {
        code: 'inventory-damaged',
        what: 'The inventory could not be read and was set aside.',
        why: 'Line 12: expected a MAC address like 02:00:5e:10:00:01, got "02:00:5e".',
        remedy: 'Look at inventory.damaged-1.json in the data folder.',
      } as const;
      this.#notices = [{ id: 'damaged', refusal }];
    }
  }

  openSample(): void {
    const sample = sampleLab();
    this.config = { ...sample, hosts: [...sample.hosts, SMALL_HOST] };
    for (const host of this.config.hosts) this.hostStates.set(host.id, 'running');
    for (const vm of this.config.vms) {
      this.states.set(vm.id, 'running');
      this.log(
        'vm/started',
        'vm',
        vm.id,
        vm.name,
        `${vm.name} started.`,
        'The sample lab was opened.',
      );
    }
    this.changed();
  }

  log(
    type: string,
    kind: LabEvent['object']['kind'],
    id: string,
    name: string,
    text: string,
    cause: string,
    severity: LabEvent['severity'] = 'info',
  ): void {
    const sequence = this.events.length;
    this.events.push({
      sequence,
      timeMs: Date.now(),
      type,
      severity,
      object: { kind, id, name },
      text,
      cause,
    });
    this.wake();
  }

  changed(): void {
    this.#revision += 1;
    this.wake();
  }

  wake(): void {
    for (const waker of [...this.#wakers]) waker();
  }

  snapshot(): LabSnapshot {
    return {
      revision: this.#revision,
      config: this.config,
      hosts: this.config.hosts.map((host, index) => ({
        hostId: host.id,
        state: this.hostStates.get(host.id) ?? 'running',
        reason:
          this.hostStates.get(host.id) === 'failed'
            ? 'Its process ended with signal SIGKILL, four times within a minute.'
            : '',
        restarts: this.hostStates.get(host.id) === 'failed' ? 4 : 0,
        pid: 4100 + index,
      })),
      vms: this.config.vms.map((vm) => ({
        vmId: vm.id,
        state: this.states.get(vm.id) ?? 'stopped',
        reason: '',
        migrationId: this.activeOf(vm.id)?.migrationId ?? null,
      })),
      experiments: [],
      migrations: this.moves.snapshots(),
      fabric:
        this.config.hosts.length > 0
          ? {
              revision: this.#revision,
              ports: this.config.hosts.map((host, port) => ({
                port,
                name: host.name,
                kind: 'host' as const,
              })),
              learnedMacs: this.config.vms.length,
              links: [],
            }
          : null,
      notices: this.#notices,
    };
  }

  activeOf(vmId: string): MigrationSnapshot | undefined {
    return this.moves
      .snapshots()
      .find((m) => m.vmId === vmId && (m.outcome === 'running' || m.outcome === 'queued'));
  }

  place(vmId: string, hostId: string): void {
    const vms = this.config.vms.map((vm) => (vm.id === vmId ? { ...vm, hostId } : vm));
    this.config = { ...this.config, vms };
    this.changed();
  }

  refuse(code: RefusalCode, what: string, why: string, remedy = ''): never {
    return refuse(code, what, why, remedy);
  }

  async *watch(signal: AbortSignal | undefined): AsyncGenerator<LabSnapshot> {
    while (!signal?.aborted) {
      yield this.snapshot();
      await this.next(signal);
    }
  }

  async *watchEvents(signal: AbortSignal | undefined): AsyncGenerator<LabEvent[]> {
    let next = 0;
    while (!signal?.aborted) {
      if (next < this.events.length || next === 0) yield this.events.slice(next);
      next = this.events.length;
      await this.next(signal);
    }
  }

  async *watchHost(hostId: string, signal: AbortSignal | undefined): AsyncGenerator<HostSnapshot> {
    while (!signal?.aborted) {
      yield this.engine.snapshot(hostId);
      await this.next(signal);
    }
  }

  /** Waits for a change; changes within 100 ms are one. */
  next(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#wakers.delete(done);
        setTimeout(resolve, 100);
      };
      this.#wakers.add(done);
      signal?.addEventListener('abort', done, { once: true });
    });
  }

  vm(vmId: string): VmConfig {
    return (
      this.config.vms.find((vm) => vm.id === vmId) ??
      refuse('not-found', `There is no VM ${vmId}.`, 'It was deleted.')
    );
  }

  setState(vmId: string, state: 'running' | 'stopped', cause: string): void {
    const vm = this.vm(vmId);
    this.states.set(vmId, state);
    const word = state === 'running' ? 'started' : 'stopped';
    this.log(`vm/${word}`, 'vm', vmId, vm.name, `${vm.name} ${word}.`, cause);
    this.changed();
  }

  labRouter() {
    const os = implement(labContract);
    const done = {};
    return os.router({
      hello: os.hello.handler(() => ({
        contractVersion: CONTRACT_VERSION,
        productVersion: '0.1.0',
      })),
      watch: os.watch.handler(({ signal }) => this.watch(signal)),
      events: os.events.handler(({ signal }) => this.watchEvents(signal)),
      openSampleLab: os.openSampleLab.handler(() => {
        this.openSample();
        return done;
      }),
      clearLab: os.clearLab.handler(() => {
        this.config = { ...this.config, name: 'My lab', hosts: [], vms: [], links: [] };
        this.changed();
        return done;
      }),
      adapterProfiles: os.adapterProfiles.handler(() => [DEFAULT_ADAPTER_PROFILE]),
      createHost: os.createHost.handler(({ input }) => {
        const host = sampleLab().hosts[0];
        if (!host) return refuse('wrong-state', 'No host.', '');
        const id = `host-${String(this.config.hosts.length + 1)}`;
        this.config = {
          ...this.config,
          hosts: [
            ...this.config.hosts,
            { ...host, id, name: input.name, memoryMiB: input.memoryMiB },
          ],
        };
        this.changed();
        return { hostId: id };
      }),
      deleteHost: os.deleteHost.handler(({ input }) => {
        this.config = {
          ...this.config,
          hosts: this.config.hosts.filter((host) => host.id !== input.hostId),
        };
        this.changed();
        return done;
      }),
      restartHost: os.restartHost.handler(({ input }) => {
        this.hostStates.set(input.hostId, 'running');
        this.changed();
        return done;
      }),
      adapterEvent: os.adapterEvent.handler(() => done),
      setAdapter: os.setAdapter.handler(({ input }) => {
        const { hostId, adapter } = input;
        const hosts = this.config.hosts.map((host) =>
          host.id === hostId
            ? {
                ...host,
                adapters: host.adapters.map((old) => (old.id === adapter.id ? adapter : old)),
              }
            : host,
        );
        this.config = { ...this.config, hosts };
        this.log(
          'adapter/changed',
          'adapter',
          adapter.id,
          adapter.name,
          `VMQ is ${adapter.vmqEnabled ? 'on' : 'off'} at ${adapter.name}.`,
          'Changed at the console.',
        );
        this.changed();
        return done;
      }),
      createVm: os.createVm.handler(({ input }) => {
        const taken = this.config.vms.find((vm) => vm.name === input.name);
        if (taken)
          refuse(
            'duplicate-name',
            `There is a VM named ${input.name} already.`,
            'Names are unique in a lab.',
            'Choose another name.',
            'name',
          );
        const id = `vm-${String(Date.now())}`;
        const hostId = input.hostId ?? 'host-a';
        const nics = input.nics.map((nic, index) => ({
          id: `nic-${id}-${String(index)}`,
          adapter: 'nic-a',
          macs: [nic.mac ?? '02:00:5e:10:00:99'],
          vlan: nic.vlan,
          queue: nic.queue,
          ...(nic.ipv4 ? { ipv4: nic.ipv4 } : {}),
        }));
        const vm = {
          id,
          name: input.name,
          hostId,
          memoryMiB: input.memoryMiB,
          nics,
          workload: input.workload,
          power: 'running' as const,
        };
        this.config = { ...this.config, vms: [...this.config.vms, vm] };
        this.setState(id, input.start ? 'running' : 'stopped', 'Created at the console.');
        return { vmId: id };
      }),
      updateVm: os.updateVm.handler(({ input }) => {
        this.config = {
          ...this.config,
          vms: this.config.vms.map((vm) => (vm.id === input.id ? input : vm)),
        };
        this.changed();
        return done;
      }),
      deleteVm: os.deleteVm.handler(({ input }) => {
        this.config = { ...this.config, vms: this.config.vms.filter((vm) => vm.id !== input.vmId) };
        this.changed();
        return done;
      }),
      startVm: os.startVm.handler(({ input }) => {
        this.setState(input.vmId, 'running', 'Started at the console.');
        return done;
      }),
      stopVm: os.stopVm.handler(({ input }) => {
        this.setState(input.vmId, 'stopped', 'Stopped at the console.');
        return done;
      }),
      suggestMac: os.suggestMac.handler(() => ({ mac: '02:00:5e:10:00:05' })),
      addLink: os.addLink.handler(() => done),
      startLink: os.startLink.handler(() => done),
      stopLink: os.stopLink.handler(() =>
        refuse(
          'link-failed',
          'The replay could not be stopped.',
          'The fake lab cannot stop traffic.',
        ),
      ),
      removeLink: os.removeLink.handler(() => done),
      preflight: os.preflight.handler(({ input }) => ({
        targets: this.moves.preflight(input.vmId),
      })),
      migrate: os.migrate.handler(({ input }) => {
        const { vmId, targetHostId, options, fault } = input;
        return { migrationId: this.moves.start(vmId, targetHostId, options, fault) };
      }),
      evacuateHost: os.evacuateHost.handler(({ input }) =>
        this.moves.evacuate(input.hostId, input.options),
      ),
      setMigrationLimits: os.setMigrationLimits.handler(({ input }) => {
        const { migrationId, ...limits } = input;
        const given = Object.entries(limits).filter(([, value]) => value !== undefined);
        this.moves.find(migrationId).limit(Object.fromEntries(given));
        return done;
      }),
      injectFault: os.injectFault.handler(({ input }) => {
        this.moves.find(input.migrationId).fault = input.fault;
        return done;
      }),
      cancelMigration: os.cancelMigration.handler(({ input }) => {
        this.moves.find(input.migrationId).cancel();
        return done;
      }),
      startExperiment: os.startExperiment.handler(() => ({ experimentId: 'experiment-1' })),
      cancelExperiment: os.cancelExperiment.handler(() => done),
      dismissNotice: os.dismissNotice.handler(({ input }) => {
        this.#notices = this.#notices.filter((notice) => notice.id !== input.id);
        this.changed();
        return done;
      }),
    });
  }

  hostRouter(hostId: string) {
    const os = implement(hostViewContract);
    return os.router({
      hello: os.hello.handler(() => ({ hostId, contractVersion: CONTRACT_VERSION })),
      watch: os.watch.handler(({ signal }) => this.watchHost(hostId, signal)),
      requestLog: os.requestLog.handler(({ input }) => ({
        entries: fakeRequests(this.#startMs, input.after ?? 0),
      })),
      dumpQueue: os.dumpQueue.handler(({ input }) => ({ text: fakeDump(input.queueId) })),
      queueLatency: os.queueLatency.handler(({ input }) =>
        this.engine.queueLatency(hostId, input.queueId),
      ),
    });
  }
}
