/**
 * Runs a lab file from an empty lab to a report: installs the lab, carries out the steps in order
 * (the first that fails ends the run), lets everything settle, and collects what was moved. It
 * prints nothing and exits nothing; the lab runner does.
 */
import type { LinkSnapshot } from '../contract/host';
import { labReportSchema, type HostReport, type LabReport } from '../contract/report';
import { refusalText } from '../shared/refusal-error';
import { sumConservation } from './conservation';
import type { Lab } from './lab';
import type { LoadedLabFile } from './lab-file/lab-file';
import { stepText } from './lab-file/steps';
import { asRefusal, refusal } from './refusals';
import { lostFabric, lostHost } from './report-file';
import { settle } from './settle';
import { StepRunner } from './step-runner';

export interface LabRunOptions {
  /** Ends the run early: the report is complete as far as it goes, and not ok. */
  readonly signal: AbortSignal;
  /** Called with one line per step and per phase of the run. */
  readonly onProgress: (line: string) => void;
}

type StepReport = LabReport['steps'][number];

/** @throws RefusalError when the lab could not be installed or reported at all */
export async function runLabFile(
  lab: Lab,
  file: LoadedLabFile,
  options: LabRunOptions,
): Promise<LabReport> {
  const startedAt = new Date();
  const startMs = performance.now();
  const { signal, onProgress } = options;
  onProgress(`lab ${file.name}: ${file.config.hosts.length} hosts, ${file.config.vms.length} VMs`);
  await lab.whole.install(file.config, 'A lab file was run.');
  const steps = await runSteps(lab, file, options);
  onProgress('settling');
  await settle(lab, signal);
  const hosts: HostReport[] = [];
  for (const { id, name } of file.config.hosts) {
    hosts.push(await lab.hostReport(id).catch(() => lostHost(id, name)));
  }
  const fabric = await lab.fabricReport().catch(lostFabric);
  const conservation = sumConservation(hosts.map((host) => host.conservation));
  const isDone = steps.length === file.steps.length && steps.every((step) => step.ok);
  const isBalanced = conservation.holds && fabric.holds;
  return labReportSchema.parse({
    schema: 1,
    lab: file.name,
    startedAt: startedAt.toISOString(),
    durationMs: performance.now() - startMs,
    ok: isDone && !signal.aborted && isBalanced && !hasFaults(lab),
    steps,
    hosts,
    fabric,
    migrations: lab.migrationReports(),
    experiments: lab.experimentReports(),
    conservation,
  } satisfies LabReport);
}

async function runSteps(
  lab: Lab,
  file: LoadedLabFile,
  { signal, onProgress }: LabRunOptions,
): Promise<StepReport[]> {
  const runner = new StepRunner(lab, file.deferredLinks, { signal, onProgress });
  const reports: StepReport[] = [];
  for (const [index, step] of file.steps.entries()) {
    const text = stepText(step);
    const startMs = performance.now();
    const place = `step ${index + 1} of ${file.steps.length}: ${text}`;
    let report: StepReport;
    try {
      if (signal.aborted) throw interrupted();
      const outcome = await runner.run(step);
      report = {
        index,
        step: text,
        ok: true,
        durationMs: performance.now() - startMs,
        text: outcome,
      };
      onProgress(
        `${place}: ${outcome === '' ? 'done' : outcome} (${(report.durationMs / 1000).toFixed(1)} s)`,
      );
    } catch (error) {
      const why = refusalText(asRefusal(error));
      report = { index, step: text, ok: false, durationMs: performance.now() - startMs, text: why };
      onProgress(`${place}: FAILED: ${why}`);
    }
    reports.push(report);
    if (!report.ok) break;
  }
  await runner.close();
  return reports;
}

function interrupted(): Error {
  return refusal({
    code: 'wrong-state',
    what: 'The run was interrupted.',
    why: 'It was asked to end early.',
    remedy: '',
  });
}

/**
 * A link that failed, or a host that had to be restarted although no fault of the file killed it:
 * the run did not show what it was to show.
 */
function hasFaults(lab: Lab): boolean {
  const { hosts } = lab.snapshot();
  const kills = lab.migrationReports().filter(({ fault }) => fault?.kind.startsWith('kill-'));
  const restarts = hosts.reduce((sum, host) => sum + host.restarts, 0);
  return (
    lab.linkSnapshots().some((link: LinkSnapshot) => link.state === 'failed') ||
    hosts.some((host) => host.state !== 'running') ||
    restarts > kills.length
  );
}
