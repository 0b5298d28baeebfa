/**
 * The probes of the fabric: each is a link with a port of its own, which measures the path to a
 * guest and back. Control thread.
 */
import { randomInt } from 'node:crypto';
import type { ProbeResult, ProbeSample, VlanMode } from '../../contract';
import { parseIpv4Address } from '../../shared/ipv4-address';
import { RefusalError } from '../../shared/refusal-error';
import type { LinkControl } from '../link/link-control';
import type { ProbeDirection } from '../link/link-protocol';
import { neighbourOf } from '../link/neighbour';
import type { FabricPort, FabricPorts } from './fabric-ports';

/** Host part of the probes' own addresses: from here down, one per probe. */
const FIRST_PROBE_HOST = 250;
const MOST_PROBES = 32;
const SAMPLE_INTERVAL_MS = 100;

/** A stamped UDP echo flow to a NIC's guest. */
export interface ProbeOrder {
  readonly probeId: string;
  readonly mac: string;
  readonly ipv4: string;
  readonly vlan: VlanMode;
  readonly perSecond: number;
}

interface Probe {
  readonly linkId: string;
  readonly number: number;
  readonly port: FabricPort;
  /** Aborted once nothing more is measured. */
  readonly end: AbortController;
  isStopping: boolean;
  /** What it had measured at its end. */
  last: ProbeSample | undefined;
}

export class FabricProbes {
  readonly #links: LinkControl;
  readonly #ports: FabricPorts;
  readonly #probes = new Map<string, Probe>();

  constructor(links: LinkControl, ports: FabricPorts) {
    this.#links = links;
    this.#ports = ports;
  }

  /** @throws RefusalError `wrong-state` when it runs already, `invalid-value` when there is no port */
  async start(order: ProbeOrder): Promise<void> {
    const { probeId } = order;
    if (this.#probes.has(probeId)) throw refused(probeId, 'It runs already.');
    const number = this.#freeNumber(probeId);
    const port = this.#ports.add('probe', `probe ${probeId}`);
    const linkId = linkIdOf(probeId);
    const end = new AbortController();
    const probe = { linkId, number, port, end, isStopping: false, last: undefined };
    this.#probes.set(probeId, probe);
    try {
      await this.#links.addProbe(linkId, flowOf(order, number), port);
    } catch (cause) {
      this.#forget(probeId, probe);
      await this.#ports.remove(port);
      throw cause;
    }
  }

  /** Stops a probe, waits for late answers, and answers what was measured. */
  async stop(probeId: string): Promise<ProbeResult> {
    const probe = this.#require(probeId);
    if (probe.isStopping) throw refused(probeId, 'It is being stopped already.');
    probe.isStopping = true;
    const result = await this.#links.finishProbe(probe.linkId);
    probe.last = await this.#links.sampleProbe(probe.linkId);
    probe.end.abort();
    await this.#links.remove(probe.linkId);
    await this.#ports.remove(probe.port);
    this.#forget(probeId, probe);
    return result;
  }

  /**
   * What a probe has measured, ten times a second, and once more at its end. A watcher that goes
   * away leaves nothing behind.
   */
  watch(probeId: string, signal: AbortSignal | undefined): AsyncGenerator<ProbeSample> {
    const probe = this.#require(probeId);
    return this.#samples(probe, signal ?? new AbortController().signal);
  }

  /** Fault injection: the next `frames` probe frames of one direction are dropped at the probe's port. */
  async lose(probeId: string, direction: ProbeDirection, frames: number): Promise<void> {
    await this.#links.loseProbes(this.#require(probeId).linkId, direction, frames);
  }

  /** The threads are gone, or will be: nothing is watched any more. */
  close(): void {
    for (const [probeId, probe] of this.#probes) this.#forget(probeId, probe);
  }

  async *#samples(probe: Probe, signal: AbortSignal): AsyncGenerator<ProbeSample> {
    while (!signal.aborted && !probe.end.signal.aborted) {
      const sample = await this.#sample(probe);
      if (sample) yield sample;
      await pause(SAMPLE_INTERVAL_MS, [signal, probe.end.signal]);
    }
    if (!signal.aborted && probe.last) yield probe.last;
  }

  /** Undefined when it ended meanwhile. */
  async #sample(probe: Probe): Promise<ProbeSample | undefined> {
    try {
      return await this.#links.sampleProbe(probe.linkId);
    } catch (cause) {
      if (probe.end.signal.aborted) return undefined;
      throw cause;
    }
  }

  #forget(probeId: string, probe: Probe): void {
    this.#probes.delete(probeId);
    probe.end.abort();
  }

  #require(probeId: string): Probe {
    const probe = this.#probes.get(probeId);
    if (probe) return probe;
    throw refused(probeId, 'It was never started, or it was stopped.');
  }

  #freeNumber(probeId: string): number {
    const taken = new Set([...this.#probes.values()].map((probe) => probe.number));
    for (let number = 0; number < MOST_PROBES; number++) if (!taken.has(number)) return number;
    throw refused(probeId, `At most ${MOST_PROBES} probes run at once.`);
  }
}

function flowOf(order: ProbeOrder, number: number) {
  const { mac, ipv4, vlan, perSecond } = order;
  return {
    // A guest's account of a flow outlives the fabric: no flow may have the id of an earlier one.
    flowId: randomInt(1, 2 ** 32),
    mac,
    ipv4,
    ownMac: `02:00:5e:fd:00:${number.toString(16).padStart(2, '0')}`,
    ownIpv4: neighbourOf(parseIpv4Address(ipv4), FIRST_PROBE_HOST - 2 * number),
    vlanId: vlan.mode === 'access' ? vlan.id : 0,
    perSecond,
  };
}

/** Probes are no links of the inventory; the prefix cannot occur in an id. */
function linkIdOf(probeId: string): string {
  return `probe:${probeId}`;
}

/** Waits, but no longer than until one of the signals is aborted. */
function pause(ms: number, signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      for (const signal of signals) signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    for (const signal of signals) signal.addEventListener('abort', done);
    if (signals.some((signal) => signal.aborted)) done();
  });
}

function refused(probeId: string, why: string): RefusalError {
  return new RefusalError({
    code: 'wrong-state',
    what: `The probe ${probeId} was left as it is.`,
    why,
    remedy: '',
    field: 'probeId',
  });
}
