/** Carries out single steps of a lab file on a running lab. Each answers one line, empty when there is nothing to add. */
import type { LinkSnapshot } from '../contract/host';
import type { LinkConfig } from '../contract/model';
import type { Lab } from './lab';
import type { LabStep } from './lab-file/steps';
import { notFound, refusal } from './refusals';

const LINK_POLL_MS = 50;
/** How long a VM may take to be reported running before a migration of it is refused. */
const VM_START_MS = 5000;

export class StepRunner {
  readonly #lab: Lab;
  readonly #deferred: ReadonlyMap<string, LinkConfig>;
  readonly #added = new Set<string>();
  readonly #signal: AbortSignal;

  /** @param deferred links that the first `startLink` plugs in */
  constructor(lab: Lab, deferred: ReadonlyMap<string, LinkConfig>, signal: AbortSignal) {
    this.#lab = lab;
    this.#deferred = deferred;
    this.#signal = signal;
  }

  /** @throws RefusalError when the step failed or was interrupted */
  async run(step: LabStep): Promise<string> {
    const lab = this.#lab;
    switch (step.kind) {
      case 'wait':
        await this.#sleep(step.seconds * 1000);
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
        return this.#migrate(step.vmId, step.targetHostId);
      case 'set-filters':
        await lab.adapters.setNicFilters({ vmId: step.vmId, nic: step.nic, set: step.set });
        return '';
      case 'set-mode':
        await this.#setMode(step);
        return '';
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
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const link = this.#lab.linkSnapshots().find((candidate) => candidate.linkId === linkId);
      if (link?.state === 'finished') return `${link.frames} frames`;
      if (link !== undefined && link.state !== 'running') throw linkEnded(link);
      if (performance.now() > deadline) {
        throw failed(
          `Link ${link?.name ?? linkId} has not ended.`,
          `Expected it within ${timeoutMs / 1000} s.`,
        );
      }
      await this.#sleep(LINK_POLL_MS);
    }
  }

  async #migrate(vmId: string, targetHostId: string): Promise<string> {
    const lab = this.#lab;
    const deadline = performance.now() + VM_START_MS;
    const isRunning = (): boolean =>
      lab.snapshot().vms.some((vm) => vm.vmId === vmId && vm.state === 'running');
    while (!isRunning() && performance.now() < deadline) await this.#sleep(LINK_POLL_MS);
    const { migrationId } = await lab.migrations.start({ vmId, targetHostId });
    const cancel = (): void => {
      try {
        lab.migrations.cancel({ migrationId });
      } catch {
        // Committed already: it ends by itself.
      }
    };
    this.#signal.addEventListener('abort', cancel);
    const report = await lab.migrationEnded(migrationId);
    this.#signal.removeEventListener('abort', cancel);
    if (report?.outcome !== 'completed') {
      throw failed('The migration did not complete.', report?.reason ?? 'It left no report.');
    }
    const downtime =
      report.downtimeMs === null ? '' : `, stopped for ${report.downtimeMs.toFixed(1)} ms`;
    const lost =
      report.probe === null ? '' : `, ${report.probe.lost} of ${report.probe.sent} probes lost`;
    return `moved in ${(report.totalMs / 1000).toFixed(2)} s${downtime}${lost}`;
  }

  async #setMode(step: Extract<LabStep, { kind: 'set-mode' }>): Promise<void> {
    const host = this.#lab.snapshot().config.hosts.find(({ id }) => id === step.hostId);
    const adapter = host?.adapters.find(({ id }) => id === step.adapter.id);
    if (adapter === undefined) throw notFound('adapter', step.adapter.id);
    const { vmqEnabled = adapter.vmqEnabled, bufferMode = adapter.bufferMode } = step;
    await this.#lab.adapters.set({
      hostId: step.hostId,
      adapter: { ...adapter, vmqEnabled, bufferMode },
    });
  }

  /** Waits; rejects as soon as the run is interrupted. */
  #sleep(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const interrupt = (): void => {
        clearTimeout(timer);
        reject(failed('The step was interrupted.', 'The run was asked to end early.'));
      };
      const timer = setTimeout(() => {
        this.#signal.removeEventListener('abort', interrupt);
        resolve();
      }, ms);
      if (this.#signal.aborted) interrupt();
      else this.#signal.addEventListener('abort', interrupt, { once: true });
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

function failed(what: string, why: string): Error {
  return refusal({ code: 'wrong-state', what, why, remedy: '' });
}
