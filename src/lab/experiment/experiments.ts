/**
 * Keeps the experiments of a lab. One runs at a time: two would measure each other. However it ends,
 * the adapter is set back to what it was before its end is told.
 */
import type { ExperimentReport, ExperimentSnapshot } from '../../contract/experiment';
import { RefusalError, refusalText } from '../../shared/refusal-error';
import { asRefusal, hostUnavailable, notFound, wrongState } from '../refusals';
import { outcomeOf } from './arms';
import type { ExperimentRecord } from './experiment-record';
import { measureArms, type ExperimentPlan } from './experiment-run';

const KEPT_RECORDS = 20;

/** An experiment that may begin. */
export interface ExperimentJob {
  readonly record: ExperimentRecord;
  readonly plan: ExperimentPlan;
  /** Calls `listener` when the host's process is lost; answers a function that forgets it. */
  onceLost(listener: (why: string) => void): () => void;
  /** Sets the adapter back. Never rejects. */
  restore(): Promise<void>;
  onEnd(report: ExperimentReport): void;
}

interface Running {
  readonly job: ExperimentJob;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

/** Why it was cancelled. */
class Cancellation extends RefusalError {
  constructor(why: string) {
    super({ code: 'wrong-state', what: 'The experiment was cancelled.', why, remedy: '' });
  }
}

export class Experiments {
  /** Newest first. */
  readonly #records: ExperimentRecord[] = [];
  #running: Running | undefined;
  #nextNumber = 1;

  /** An id for the next experiment. */
  nextId(): string {
    const id = `experiment-${this.#nextNumber}`;
    this.#nextNumber += 1;
    return id;
  }

  /** The one that runs. */
  get running(): ExperimentRecord | undefined {
    return this.#running?.job.record;
  }

  /** Starts it. @throws RefusalError `wrong-state` while another one runs */
  start(job: ExperimentJob): void {
    this.requireNone();
    this.#records.unshift(job.record);
    this.#records.splice(KEPT_RECORDS);
    const abort = new AbortController();
    // A process that comes back counts from zero: nothing of it belongs to what was measured before.
    const forget = job.onceLost((why) =>
      abort.abort(hostUnavailable(job.record.subject.hostName, why)),
    );
    this.#running = { job, abort, ended: this.#carryOut(job, abort.signal, forget) };
  }

  /** @throws RefusalError `wrong-state` while one runs */
  requireNone(): void {
    const running = this.running?.subject;
    if (running === undefined) return;
    throw wrongState(
      'Another experiment is running.',
      `It compares modes of ${running.adapterName} of ${running.hostName}; two would measure each other.`,
      'Wait for it, or cancel it.',
    );
  }

  /** @throws RefusalError `wrong-state` while an experiment changes this adapter's modes */
  requireIdle(hostId: string, adapterId: string): void {
    const running = this.running?.subject;
    if (running?.hostId !== hostId || running.adapterId !== adapterId) return;
    throw wrongState(
      `${running.adapterName} of ${running.hostName} was not changed.`,
      'An experiment is comparing its modes.',
      'Wait for the experiment, or cancel it.',
    );
  }

  /** @throws RefusalError `not-found`; `wrong-state` when it has ended */
  cancel(experimentId: string): void {
    const record = this.#find(experimentId);
    if (record === undefined) throw notFound('experiment', experimentId);
    if (this.running !== record)
      throw wrongState(
        `The experiment on ${record.subject.adapterName} has ended.`,
        `Its outcome is "${record.report().outcome}".`,
        '',
      );
    this.#cancel('An administrator or a lab file asked for it.');
  }

  /** Cancels what runs on one of these hosts and waits until its adapter is as it was. */
  async leave(hostIds: readonly string[], why: string): Promise<void> {
    const running = this.#running;
    if (running === undefined || !hostIds.includes(running.job.record.subject.hostId)) return;
    this.#cancel(why);
    await running.ended;
  }

  /** Resolves when an experiment has ended, with its report; undefined when there is none of this id. */
  async ended(experimentId: string): Promise<ExperimentReport | undefined> {
    const record = this.#find(experimentId);
    if (this.running === record) await this.#running?.ended;
    return record?.report();
  }

  async close(): Promise<void> {
    this.#cancel('The lab is being closed.');
    await this.#running?.ended;
  }

  /** Newest first. */
  snapshots(): ExperimentSnapshot[] {
    return this.#records.map((record) => record.snapshot());
  }

  /** Oldest first, as they are reported. */
  reports(): ExperimentReport[] {
    return this.#records.map((record) => record.report()).reverse();
  }

  #cancel(why: string): void {
    this.#running?.abort.abort(new Cancellation(why));
  }

  async #carryOut(job: ExperimentJob, signal: AbortSignal, forgetLoss: () => void): Promise<void> {
    const { record, plan } = job;
    try {
      const intervals = await measureArms(plan, signal);
      await job.restore();
      record.complete(outcomeOf(plan.arms, intervals, plan.options.aa));
    } catch (error) {
      await job.restore();
      if (error instanceof Cancellation) record.giveUp('cancelled', error.refusal.why);
      else record.giveUp('failed', refusalText(asRefusal(error)));
    }
    forgetLoss();
    this.#running = undefined;
    job.onEnd(record.report());
  }

  #find(experimentId: string): ExperimentRecord | undefined {
    return this.#records.find(({ subject }) => subject.experimentId === experimentId);
  }
}
