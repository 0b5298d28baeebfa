/**
 * The meter of one migration: a probe flow through the fabric from before the first step to after
 * the last. A meter that cannot be started or read is a warning; it never stops a migration.
 */
import type { ProbeSample } from '../../contract/migration';
import { withDeadline } from '../process/control-link';
import { hasAnswered } from '../refusals';
import type { MigrationPlan } from './migration-plan';

const LAST_SAMPLES_MS = 500;

type MeterPlan = Pick<MigrationPlan, 'record' | 'vm' | 'fabric' | 'onProgress'>;

export class MigrationMeter {
  readonly #plan: MeterPlan;
  readonly #warn: (text: string, error: unknown) => void;
  #begun: Promise<void> | undefined;
  /** Whether the fabric may have the probe; it is stopped then. */
  #mayRun = false;
  #isRunning = false;
  #isEnding = false;
  #stream: AsyncIterator<ProbeSample> | undefined;
  #following: Promise<void> = Promise.resolve();

  constructor(plan: MeterPlan, warn: (text: string, error: unknown) => void) {
    this.#plan = plan;
    this.#warn = warn;
  }

  /** Whether probes are on their way. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Resolves when the probe runs, or cannot. Never rejects. */
  begin(): Promise<void> {
    this.#begun ??= this.#begin();
    return this.#begun;
  }

  /** Stops the probe, also one that is still being started, and puts its result into the record. Never rejects. */
  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#begun;
    if (this.#mayRun && (await this.#stop())) await this.#lastSamples();
    this.#mayRun = false;
    this.#isRunning = false;
    stopReading(this.#stream);
  }

  /** The stream of samples ends with the probe; a fabric that does not end it is left alone. */
  async #lastSamples(): Promise<void> {
    await withDeadline(this.#following, LAST_SAMPLES_MS, 'watchProbe').catch(() => undefined);
  }

  async #begin(): Promise<void> {
    const { vm, fabric, record } = this.#plan;
    const perSecond = record.options.probesPerSecond;
    const nic = vm.nics.find((candidate) => candidate.ipv4 !== undefined);
    const mac = nic?.macs[0];
    if (perSecond === 0 || nic?.ipv4 === undefined || mac === undefined) return;
    const probeId = record.subject.migrationId;
    const { ipv4, vlan } = nic;
    this.#mayRun = true;
    try {
      await fabric.control.startProbe({ probeId, mac, ipv4, vlan, perSecond });
      this.#isRunning = true;
    } catch (error) {
      this.#mayRun = !hasAnswered(error);
      this.#warn('The migration is not measured by a probe flow.', error);
      return;
    }
    this.#following = this.#follow();
  }

  /** Collects samples until the probe is stopped. */
  async #follow(): Promise<void> {
    const { fabric, record, onProgress } = this.#plan;
    try {
      const stream = await fabric.control.watchProbe({ probeId: record.subject.migrationId });
      this.#stream = stream;
      for await (const sample of stream) {
        record.sampled(sample);
        onProgress();
      }
    } catch (error) {
      if (!this.#isEnding) this.#warn('The course of the probe flow is not recorded.', error);
    }
  }

  async #stop(): Promise<boolean> {
    const { fabric, record } = this.#plan;
    try {
      record.probed(await fabric.control.stopProbe({ probeId: record.subject.migrationId }));
      return true;
    } catch (error) {
      if (this.#isRunning) this.#warn('The probe flow could not be read.', error);
      return false;
    }
  }
}

/** Lets go of a stream without waiting: its other end may hang. */
export function stopReading(stream: AsyncIterator<unknown> | undefined): void {
  stream?.return?.().catch(() => undefined);
}
