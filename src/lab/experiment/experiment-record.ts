/** What is known of one experiment, while it runs and afterwards. */
import type {
  ExperimentOptions,
  ExperimentReport,
  ExperimentSnapshot,
} from '../../contract/experiment';
import type { Measurement } from './experiment-run';

export type ExperimentSubject = Pick<
  ExperimentReport,
  'experimentId' | 'hostId' | 'hostName' | 'adapterId' | 'adapterName'
>;

type Findings = Pick<ExperimentReport, 'arms' | 'comparisons' | 'cpuSource'>;

export class ExperimentRecord {
  readonly subject: ExperimentSubject;
  readonly options: ExperimentOptions;
  readonly #startedAt = new Date();
  readonly #startMs = performance.now();
  #endMs: number | undefined;
  #outcome: ExperimentReport['outcome'] = 'running';
  #reason = '';
  #findings: Findings = { arms: [], comparisons: [], cpuSource: 'system' };
  #progress: Measurement | null = null;

  constructor(subject: ExperimentSubject, options: ExperimentOptions) {
    this.subject = subject;
    this.options = options;
  }

  get hasEnded(): boolean {
    return this.#outcome !== 'running';
  }

  measures(measurement: Measurement): void {
    this.#progress = measurement;
  }

  complete(findings: Findings): void {
    this.#findings = findings;
    this.#end('completed', '');
  }

  giveUp(outcome: 'failed' | 'cancelled', reason: string): void {
    this.#end(outcome, reason);
  }

  report(): ExperimentReport {
    return {
      ...this.subject,
      options: this.options,
      startedAt: this.#startedAt.toISOString(),
      durationMs: (this.#endMs ?? performance.now()) - this.#startMs,
      outcome: this.#outcome,
      reason: this.#reason,
      ...this.#findings,
    };
  }

  snapshot(): ExperimentSnapshot {
    return { ...this.report(), progress: this.#progress };
  }

  #end(outcome: ExperimentReport['outcome'], reason: string): void {
    this.#outcome = outcome;
    this.#reason = reason;
    this.#progress = null;
    this.#endMs = performance.now();
  }
}
