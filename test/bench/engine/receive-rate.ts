/** How many frames a host delivers to its VMs in a second, from a generator at its adapter. */
import type { ThreadRole } from '../../../src/contract/telemetry';
import type { HostReport } from '../../../src/contract/report';
import type { Measurement, Side } from '../comparison';
import type { BenchHost } from './bench-host';

const ROLES = ['adapter', 'queue', 'vcpu', 'link'] as const satisfies readonly ThreadRole[];

/** Shares of a core that each kind of thread had, and what it did with them. */
export type CoreShares = Record<string, number>;

export class ReceiveRate implements Side {
  readonly name: string;
  /** Of the last measurement. */
  shares: CoreShares = {};
  /** Frames that VMs got in the last measurement, by VM. */
  perVm: ReadonlyMap<string, number> = new Map();
  readonly #host: BenchHost;
  readonly #traffic: string;

  constructor(name: string, host: BenchHost, traffic: string) {
    this.name = name;
    this.#host = host;
    this.#traffic = traffic;
  }

  async measure(seconds: number): Promise<Measurement> {
    const host = this.#host;
    await host.startTraffic(this.#traffic);
    await sleep(Math.min(100, seconds * 200));
    const before = await this.#sample();
    await sleep(seconds * 1000);
    const after = await this.#sample();
    await host.stopTraffic(this.#traffic);
    const conserved = await host.drain();
    const elapsedNs = after.atNs - before.atNs;
    this.shares = {};
    for (const role of ROLES) {
      const [one, other] = [before.times[role], after.times[role]];
      this.shares[`${role}CpuPercent`] = ((other.cpuNs - one.cpuNs) / elapsedNs) * 100;
      this.shares[`${role}WorkPercent`] = ((other.workNs - one.workNs) / elapsedNs) * 100;
      this.shares[`${role}PollPercent`] = ((other.pollNs - one.pollNs) / elapsedNs) * 100;
    }
    this.perVm = new Map(
      [...after.vms].map(([vm, frames]) => [vm, frames - (before.vms.get(vm) ?? 0)]),
    );
    const frames = after.queues.frames - before.queues.frames;
    const indications = after.queues.indications - before.queues.indications;
    const interrupts = after.queues.interrupts - before.queues.interrupts;
    const dropped = after.queues.dropped - before.queues.dropped;
    this.shares['framesPerIndication'] = indications === 0 ? 0 : frames / indications;
    this.shares['interruptsPerSecond'] = interrupts / (elapsedNs / 1e9);
    this.shares['droppedPercent'] = frames === 0 ? 0 : (dropped / (frames + dropped)) * 100;
    const delivered = [...this.perVm.values()].reduce((sum, frames) => sum + frames, 0);
    return { value: delivered / (elapsedNs / 1e9), conserved };
  }

  async #sample(): Promise<{
    atNs: number;
    vms: Map<string, number>;
    queues: QueueSums;
    times: Record<(typeof ROLES)[number], ReturnType<BenchHost['threadTimes']>>;
  }> {
    const report = await this.#host.report();
    const atNs = performance.now() * 1e6;
    const times = (role: ThreadRole): ReturnType<BenchHost['threadTimes']> =>
      this.#host.threadTimes(role);
    return {
      atNs,
      queues: sumsOf(report),
      vms: new Map(report.vms.map((vm) => [vm.vmId, vm.framesDelivered])),
      times: {
        adapter: times('adapter'),
        queue: times('queue'),
        vcpu: times('vcpu'),
        link: times('link'),
      },
    };
  }
}

/** Over all queues. */
interface QueueSums {
  readonly frames: number;
  readonly indications: number;
  readonly interrupts: number;
  readonly dropped: number;
}

function sumsOf({ queues }: HostReport): QueueSums {
  const over = (figure: (queue: HostReport['queues'][number]) => number): number =>
    queues.reduce((sum, queue) => sum + figure(queue), 0);
  return {
    frames: over(({ frames }) => frames),
    indications: over(({ indications }) => indications),
    interrupts: over(({ interrupts }) => interrupts),
    dropped: over((queue) => queue.dropped['no-receive-buffer'] ?? 0),
  };
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
