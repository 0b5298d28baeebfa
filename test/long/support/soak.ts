/**
 * One VM that moves back and forth between two hosts under three kinds of traffic: the meter of each
 * migration, a numbered flow through the fabric all the time, and a generator. Now and then it rests
 * on its first host, and everything that the processes have is measured.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { HostSnapshot } from '../../../src/contract/host';
import { migrationOptionsSchema, type ProbeResult } from '../../../src/contract/migration';
import type { FabricReport, HostReport, MigrationReport } from '../../../src/contract/report';
import { StreamClient, until } from '../../support/engine-lab';
import { RealLab } from '../../support/real-lab';
import { MeasuredProcesses, type Measure } from './measured-processes';
import { NumberedFlow, type FlowCount } from './numbered-flow';

const NIC = { mac: '02:00:5e:10:00:01', vlan: 10, ipv4: '10.0.10.11' };
/** Together 2,000 a second: what a guest has posted lasts for 100 ms when the machine is busy. */
const FLOW_PER_SECOND = 500;
const GENERATOR_PER_SECOND = 500;
const METER_PER_SECOND = 1000;
const GENERATOR_ID = 'generator';
/** The last announcement of a VM that has arrived is sent after 550 ms; sockets close by then. */
const REST_MS = 800;

/** What a host has by its own account, at rest. */
export interface HostAccount {
  readonly usedBytes: number;
  readonly engineThreads: number;
  readonly vms: number;
  readonly queues: number;
  readonly filters: number;
  readonly links: number;
}

/** Everything at rest after so many moves, by name. */
export interface Sample {
  readonly move: number;
  readonly processes: Readonly<Record<string, Measure>>;
  readonly hosts: Readonly<Record<string, HostAccount>>;
  readonly learnedMacs: Readonly<Record<string, number>>;
  /** Ports of the fabric. */
  readonly fabricPorts: number;
  /** Sockets and files of the lab. */
  readonly files: readonly string[];
}

/** A move that did not go as it should. */
export type OddMove = Pick<
  MigrationReport,
  'migrationId' | 'outcome' | 'reason' | 'warnings' | 'markerSeen' | 'probe'
>;

/** What has become of all traffic. */
export interface Outcome {
  readonly flow: FlowCount;
  readonly generated: number;
  /** Frames that the guest took and did not answer, by its own count. */
  readonly sunk: number;
  readonly hosts: readonly HostReport[];
  readonly fabric: FabricReport;
}

export class Soak {
  moves = 0;
  readonly odd: OddMove[] = [];
  readonly downtimesMs: number[] = [];
  /** Probes of all meters. */
  probes = 0;
  readonly samples: Sample[] = [];
  readonly #processes: MeasuredProcesses;
  readonly #real: RealLab;
  readonly #client: StreamClient;
  readonly #flow: NumberedFlow;

  /** Two hosts, a running VM, and traffic to it. */
  static async open(): Promise<Soak> {
    const processes = new MeasuredProcesses();
    const { mac, vlan, ipv4 } = NIC;
    const real = await RealLab.open(
      {
        name: 'vm',
        memoryMiB: 16,
        nics: [{ mac, vlan: { mode: 'access', id: vlan }, ipv4 }],
        workload: { kind: 'page-writer', pagesPerSecond: 2000 },
      },
      processes,
    );
    const client = await StreamClient.connect(real.fabricSocket);
    const flow = new NumberedFlow(client, NIC, FLOW_PER_SECOND).start();
    await until('answers', () => flow.answered > 0);
    await real.lab.links.add({
      kind: 'generator',
      id: GENERATOR_ID,
      name: 'Generator',
      plug: { at: 'fabric' },
      targets: [NIC],
      sourceMac: '02:00:5e:fe:00:01',
      frameBytes: 128,
      rate: { mode: 'fixed', framesPerSecond: GENERATOR_PER_SECOND },
      frames: 0,
    });
    return new Soak(processes, real, client, flow);
  }

  private constructor(
    processes: MeasuredProcesses,
    real: RealLab,
    client: StreamClient,
    flow: NumberedFlow,
  ) {
    this.#processes = processes;
    this.#real = real;
    this.#client = client;
    this.#flow = flow;
  }

  /** Moves the VM to the other host. */
  async move(): Promise<void> {
    const { lab, vmId, place } = this.#real;
    const { migrationId } = await lab.migrations.start({
      vmId,
      targetHostId: place.other,
      options: migrationOptionsSchema.parse({ probesPerSecond: METER_PER_SECOND }),
    });
    const report = await lab.migrationEnded(migrationId);
    if (!report) throw new Error(`the lab has forgotten ${migrationId}`);
    const { outcome, reason, warnings, markerSeen, probe } = report;
    this.moves += 1;
    this.downtimesMs.push(report.downtimeMs ?? Number.NaN);
    this.probes += probe?.sent ?? 0;
    const isRight = outcome === 'completed' && warnings.length === 0 && markerSeen === true;
    if (!isRight || !isWhole(probe))
      this.odd.push({ migrationId, outcome, reason, warnings, markerSeen, probe });
  }

  /** Lets the VM rest where it is, and measures everything. Traffic goes on. */
  async sample(): Promise<void> {
    await sleep(REST_MS);
    const { lab, hosts } = this.#real;
    const accounts: Record<string, HostAccount> = {};
    const learnedMacs: Record<string, number> = {};
    for (const hostId of hosts) {
      const snapshot = await this.#real.freshSnapshotOf(hostId);
      if (!snapshot) throw new Error(`${hostId} is not there`);
      accounts[snapshot.name] = accountOf(snapshot);
      const { switches } = await lab.hostReport(hostId);
      learnedMacs[snapshot.name] = Math.max(...switches.map((one) => one.learnedMacs));
    }
    const fabric = await lab.fabricReport();
    learnedMacs['The fabric'] = fabric.learnedMacs;
    this.samples.push({
      move: this.moves,
      processes: await this.#processes.measureAll(),
      hosts: accounts,
      learnedMacs,
      fabricPorts: fabric.ports.length,
      files: this.#real.files(),
    });
  }

  /** Stops all traffic, waits until nothing moves any more, and counts. */
  async settle(): Promise<Outcome> {
    const { lab, hosts, vmId, place } = this.#real;
    await lab.links.stop({ linkId: GENERATOR_ID });
    this.#flow.stop();
    await sleep(REST_MS);
    const fabric = await lab.fabricReport();
    const vm = (await this.#real.freshSnapshotOf(place.home))?.vms.find((one) => one.vmId === vmId);
    return {
      flow: this.#flow.count,
      generated: fabric.links.find(({ linkId }) => linkId === GENERATOR_ID)?.frames ?? 0,
      sunk: vm?.guest.sunkFrames ?? 0,
      hosts: await Promise.all(hosts.map((hostId) => lab.hostReport(hostId))),
      fabric,
    };
  }

  async close(): Promise<void> {
    this.#flow.stop();
    this.#client.close();
    await this.#real.close();
  }
}

function isWhole(probe: ProbeResult | null): boolean {
  return probe?.lost === 0 && probe.duplicated === 0 && probe.reordered === 0;
}

function accountOf(snapshot: HostSnapshot): HostAccount {
  return {
    usedBytes: snapshot.memory.usedBytes,
    engineThreads: snapshot.threads.length,
    vms: snapshot.vms.length,
    queues: snapshot.queues.length,
    filters: snapshot.queues.reduce((sum, { filters }) => sum + filters.length, 0),
    links: snapshot.links.length,
  };
}
