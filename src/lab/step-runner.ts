/** Carries out single steps of a lab file on a running lab. Each answers one line, empty when there is nothing to add. */
import type { LinkSnapshot } from '../contract/host';
import type { LinkConfig } from '../contract/model';
import type { Lab } from './lab';
import type { LabStep } from './lab-file/steps';
import { runExperimentStep } from './experiment-step';
import { MigrationSteps } from './migration-steps';
import { notFound, refusal } from './refusals';
import { StepClock } from './step-clock';

export interface StepRunnerOptions {
  /** Interrupts the run. */
  readonly signal: AbortSignal;
  /** Called with the lines of a step that has more to say than its outcome. */
  readonly onProgress: (line: string) => void;
}

export class StepRunner {
  readonly #lab: Lab;
  readonly #deferred: ReadonlyMap<string, LinkConfig>;
  readonly #added = new Set<string>();
  readonly #clock: StepClock;
  readonly #migrations: MigrationSteps;
  readonly #onProgress: (line: string) => void;

  /** @param deferred links that the first `startLink` plugs in */
  constructor(
    lab: Lab,
    deferred: ReadonlyMap<string, LinkConfig>,
    { signal, onProgress }: StepRunnerOptions,
  ) {
    this.#lab = lab;
    this.#deferred = deferred;
    this.#clock = new StepClock(signal);
    this.#migrations = new MigrationSteps(lab, this.#clock);
    this.#onProgress = onProgress;
  }

  /** Cancels what steps have begun and not waited for. Never rejects. */
  close(): Promise<void> {
    return this.#migrations.close();
  }

  /** @throws RefusalError when the step failed or was interrupted */
  async run(step: LabStep): Promise<string> {
    const lab = this.#lab;
    switch (step.kind) {
      case 'wait':
        await this.#clock.sleep(step.seconds * 1000);
        return '';
      case 'wait-for-link':
        return this.#waitForLink(step.linkId, step.timeoutSeconds * 1000);
      case 'start-link':
        await this.#startLink(step.linkId);
        return '';
      case 'stop-link':
        await lab.links.stop({ linkId: step.linkId });
        return '';
      case 'start-vm':
        await lab.vms.start({ vmId: step.vmId });
        return '';
      case 'stop-vm':
        await lab.vms.stop({ vmId: step.vmId });
        return '';
      case 'migrate':
        return this.#migrations.migrate(step);
      case 'evacuate':
        return this.#migrations.evacuate(step);
      case 'wait-for-migrations':
        return this.#migrations.wait(step.timeoutSeconds);
      case 'set-filters':
        await lab.adapters.setNicFilters({ vmId: step.vmId, nic: step.nic, set: step.set });
        return '';
      case 'set-mode':
        await this.#setMode(step);
        return '';
      case 'adapter-event': {
        const { hostId, adapter, event } = step;
        await lab.adapters.liveThrough({ hostId, adapterId: adapter.id, event });
        return '';
      }
      case 'experiment':
        return runExperimentStep(lab, step, this.#clock, this.#onProgress);
    }
  }

  async #startLink(linkId: string): Promise<void> {
    const deferred = this.#deferred.get(linkId);
    if (deferred === undefined || this.#added.has(linkId)) {
      await this.#lab.links.start({ linkId });
      return;
    }
    await this.#lab.links.add(deferred);
    this.#added.add(linkId);
  }

  async #waitForLink(linkId: string, timeoutMs: number): Promise<string> {
    const link = (): LinkSnapshot | undefined =>
      this.#lab.linkSnapshots().find((candidate) => candidate.linkId === linkId);
    const hasEnded = await this.#clock.until(() => {
      const now = link();
      return now !== undefined && now.state !== 'running';
    }, timeoutMs);
    const last = link();
    if (last === undefined || !hasEnded) {
      throw refusal({
        code: 'wrong-state',
        what: `Link ${last?.name ?? linkId} has not ended.`,
        why: `Expected it within ${timeoutMs / 1000} s.`,
        remedy: '',
      });
    }
    if (last.state !== 'finished') throw linkEnded(last);
    return `${last.frames} frames`;
  }

  async #setMode(step: Extract<LabStep, { kind: 'set-mode' }>): Promise<void> {
    const host = this.#lab.snapshot().config.hosts.find(({ id }) => id === step.hostId);
    const adapter = host?.adapters.find(({ id }) => id === step.adapter.id);
    if (adapter === undefined) throw notFound('adapter', step.adapter.id);
    const {
      vmqEnabled = adapter.vmqEnabled,
      bufferMode = adapter.bufferMode,
      queueCount = adapter.queueCount,
    } = step;
    await this.#lab.adapters.set({
      hostId: step.hostId,
      adapter: { ...adapter, vmqEnabled, bufferMode, queueCount },
    });
  }
}

function linkEnded(link: LinkSnapshot): Error {
  return refusal({
    code: 'link-failed',
    what: `Link ${link.name} did not finish.`,
    why: `It is ${link.state}: ${link.text}`,
    remedy: '',
  });
}
