/** Commands on experiments: whether one may begin is decided here. */
import {
  experimentOptionsSchema,
  type AdapterMeter,
  type ExperimentOptions,
  type ExperimentReport,
} from '../../contract/experiment';
import type { EventObject } from '../../contract/events';
import type { AdapterConfig, HostConfig } from '../../contract/model';
import { ASKED } from '../causes';
import type { LabContext } from '../context';
import { armsOf } from '../experiment/arms';
import { ExperimentRecord } from '../experiment/experiment-record';
import type { ExperimentJob } from '../experiment/experiments';
import { asRefusal, hostUnavailable, notFound, wrongState } from '../refusals';
import type { RefusalError } from '../../shared/refusal-error';

/** How long VMs and frames are waited for before an experiment is refused. */
const TRAFFIC_MS = 2000;
const POLL_MS = 50;

export interface NewExperiment {
  readonly hostId: string;
  readonly adapterId: string;
  /** What is left out gets its default. */
  readonly options?: Partial<ExperimentOptions> | undefined;
}

export class ExperimentCommands {
  readonly #context: LabContext;

  constructor(context: LabContext) {
    this.#context = context;
  }

  /** Starts comparing the modes of an adapter and answers; the snapshot and the events follow it. */
  start({ hostId, adapterId, options }: NewExperiment): Promise<{ experimentId: string }> {
    return this.#context.commands.run(async () => {
      const { inventory, experiments, arbiter, changed } = this.#context;
      const host = inventory.host(hostId);
      if (host === undefined) throw notFound('host', hostId);
      const adapter = host.adapters.find(({ id }) => id === adapterId);
      if (adapter === undefined) throw notFound(`adapter of ${host.name}`, adapterId);
      experiments.requireNone();
      const [moving] = arbiter.vmsMovingAt(hostId);
      if (moving !== undefined)
        throw notPossible(
          host,
          adapter,
          `${moving} is moving, which changes what the host does.`,
          'Wait until it has moved.',
        );
      await this.#requireTraffic(host, adapter);
      const job = this.#job(host, adapter, experimentOptionsSchema.parse(options ?? {}));
      experiments.start(job);
      this.#tellStarted(job);
      changed();
      return { experimentId: job.record.subject.experimentId };
    });
  }

  /** Not one of the command queue: it must not wait behind other commands. */
  cancel({ experimentId }: { experimentId: string }): void {
    this.#context.experiments.cancel(experimentId);
  }

  #job(host: HostConfig, adapter: AdapterConfig, options: ExperimentOptions): ExperimentJob {
    const { experiments, hosts, pause, changed } = this.#context;
    const record = new ExperimentRecord(
      {
        experimentId: experiments.nextId(),
        hostId: host.id,
        hostName: host.name,
        adapterId: adapter.id,
        adapterName: adapter.name,
      },
      options,
    );
    return {
      record,
      plan: {
        adapter,
        options,
        arms: armsOf(adapter, options.aa),
        control: () => hosts.get(host.id).control,
        pause,
        onMeasurement: (measurement) => {
          record.measures(measurement);
          changed();
        },
      },
      onceLost: (listener) => hosts.get(host.id).onceLost(listener),
      restore: () => this.#restore(host, adapter),
      onEnd: (report) => {
        this.#tellEnded(report);
        changed();
      },
    };
  }

  /** A host that does not run needs nothing: it starts with what is saved. */
  async #restore(host: HostConfig, adapter: AdapterConfig): Promise<void> {
    const process = this.#context.hosts.find(host.id);
    if (process?.state !== 'running') return;
    try {
      await process.control.setAdapter({ ...adapter, cause: 'The experiment has ended.' });
    } catch (error) {
      if (this.#context.hosts.find(host.id)?.state !== 'running') return;
      this.#context.events.record(
        'experiment/not-restored',
        objectOf(adapter),
        `${adapter.name} of ${host.name} could not be set back to its settings.`,
        asRefusal(error).why,
        { hostId: host.id, severity: 'error' },
      );
    }
  }

  /** @throws RefusalError when nothing reaches a VM: then there is nothing to compare */
  async #requireTraffic(host: HostConfig, adapter: AdapterConfig): Promise<void> {
    const { hosts, pause } = this.#context;
    const process = hosts.get(host.id);
    const never = new AbortController().signal;
    let first: number | undefined;
    for (let look = 0; look <= TRAFFIC_MS / POLL_MS; look++) {
      if (process.state !== 'running') throw hostUnavailable(host.name, process.reason);
      const frames = delivered(await process.control.meterAdapter({ adapterId: adapter.id }));
      first ??= frames;
      if (frames > first && this.#obstacle(host, adapter) === undefined) return;
      await pause(POLL_MS, never);
    }
    throw (
      this.#obstacle(host, adapter) ??
      notPossible(
        host,
        adapter,
        `No frame has reached a VM of this adapter for ${TRAFFIC_MS / 1000} s.`,
        'Start a link or a VM that sends to its VMs.',
      )
    );
  }

  /** What of the host's state speaks against it; its snapshot may be a moment old. */
  #obstacle(host: HostConfig, adapter: AdapterConfig): RefusalError | undefined {
    const snapshot = this.#context.hosts.get(host.id).snapshot;
    const state = snapshot?.adapters.find(({ id }) => id === adapter.id)?.state ?? 'unknown';
    if (state !== 'running')
      return notPossible(
        host,
        adapter,
        `Expected an adapter that is running, found one that is ${state}.`,
        'Restart or initialise the adapter.',
      );
    const running = new Set(
      snapshot?.vms.filter((vm) => vm.state === 'running').map(({ vmId }) => vmId),
    );
    const { vms } = this.#context.inventory.config;
    const hasVm = vms.some(
      ({ id, nics }) => running.has(id) && nics.some((nic) => nic.adapter === adapter.name),
    );
    return hasVm
      ? undefined
      : notPossible(host, adapter, 'No VM with a NIC on it is running.', 'Start a VM.');
  }

  #tellStarted({ record: { subject, options } }: ExperimentJob): void {
    const { adapterName, adapterId, hostName, hostId } = subject;
    const what = options.aa ? 'its mode with itself' : 'its modes';
    this.#context.events.record(
      'experiment/started',
      { kind: 'adapter', id: adapterId, name: adapterName },
      `An experiment on ${adapterName} of ${hostName} compares ${what} in ${options.rounds} rounds.`,
      ASKED,
      { hostId },
    );
  }

  #tellEnded(report: ExperimentReport): void {
    const { adapterId, adapterName, hostId, hostName, outcome, reason, comparisons } = report;
    const isCompleted = outcome === 'completed';
    const text = isCompleted
      ? comparisons.map(({ sentence }) => sentence).join(' ')
      : `The experiment on ${adapterName} of ${hostName} was ${outcome === 'cancelled' ? 'cancelled' : 'not completed'}.`;
    this.#context.events.record(
      `experiment/${outcome}`,
      { kind: 'adapter', id: adapterId, name: adapterName },
      text,
      isCompleted ? `Measured on ${adapterName} of ${hostName}.` : reason,
      {
        hostId,
        severity: isCompleted ? 'info' : outcome === 'cancelled' ? 'warning' : 'error',
      },
    );
  }
}

function objectOf({ id, name }: AdapterConfig): EventObject {
  return { kind: 'adapter', id, name };
}

function delivered({ threads }: AdapterMeter): number {
  return threads.reduce((sum, thread) => sum + thread.delivered, 0);
}

function notPossible(
  host: HostConfig,
  adapter: AdapterConfig,
  why: string,
  remedy: string,
): RefusalError {
  return wrongState(
    `The modes of ${adapter.name} of ${host.name} cannot be compared.`,
    why,
    remedy,
  );
}
