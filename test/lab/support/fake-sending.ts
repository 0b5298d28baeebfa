/** The source of a migration that copies nothing: it goes through the phases, waits, breaks and is cancelled. */
import type {
  MigrationLimits,
  MigrationOptions,
  MigrationPhase,
  MigrationProgress,
} from '../../../src/contract/migration';
import { refusal } from '../../../src/lab/refusals';

/** Phases that a source reports, in order. */
export const SENDING_PHASES: readonly MigrationPhase[] = [
  'preparing',
  'clearing-filters',
  'stopping-dma',
  'copying',
  'stopping-vm',
  'final-copy',
];

const FIRST_STOPPED = SENDING_PHASES.indexOf('stopping-vm');

export interface SendRequest {
  readonly migrationId: string;
  readonly vmId: string;
  readonly options: MigrationOptions;
  readonly pauseAt: MigrationPhase | null;
}

export class FakeSending {
  readonly request: SendRequest;
  limits: MigrationLimits;
  /** Set until the VM has left or has been resumed. */
  isOpen = true;
  /** The phase that it waits in. */
  waitsIn: MigrationPhase | null = null;
  #broken: 'cut' | 'corrupt' | undefined;
  #goOn: () => void = () => undefined;

  constructor(request: SendRequest) {
    this.request = request;
    this.limits = request.options;
  }

  break(how: 'cut' | 'corrupt'): void {
    this.#broken = how;
  }

  continue(): void {
    this.#goOn();
  }

  cancel(): void {
    this.isOpen = false;
    this.#goOn();
  }

  /**
   * @param arrive called on entering each phase; may reject.
   * @param resume resumes the VM here.
   */
  async *progress(
    arrive: (phase: MigrationPhase) => Promise<void>,
    stop: () => void,
    resume: () => void,
  ): AsyncGenerator<MigrationProgress> {
    for (const [round, phase] of SENDING_PHASES.entries()) {
      await arrive(phase);
      this.#requireWhole(resume);
      if (phase === 'stopping-vm') stop();
      const isLast = phase === 'final-copy';
      if (this.request.pauseAt === phase) {
        yield this.#report(round, phase, false);
        this.waitsIn = phase;
        await new Promise<void>((resolve) => {
          this.#goOn = resolve;
          if (!this.isOpen) resolve();
        });
        this.waitsIn = null;
        this.#requireWhole(resume);
        if (!isLast) continue;
      }
      yield this.#report(round, phase, isLast);
    }
  }

  #requireWhole(resume: () => void): void {
    if (!this.isOpen) throw refused('migration-cancelled', 'The migration was cancelled.');
    if (this.#broken === undefined) return;
    this.isOpen = false;
    resume();
    throw this.#broken === 'cut'
      ? refused('migration-failed', 'The connection was cut.')
      : refused('migration-stream-invalid', 'A checksum does not match.');
  }

  #report(round: number, phase: MigrationPhase, ready: boolean): MigrationProgress {
    const live = { round: 1, live: true, pages: 3, zeroPages: 1, repeatedPages: 0 };
    return {
      phase,
      bytesPerSecond: 1e6,
      dirtyBytesPerSecond: 2e5,
      throttlePercent: phase === 'copying' ? 20 : 0,
      expectedDowntimeMs: 4,
      advice: '',
      roundList: round < 4 ? [] : [{ ...live, bytes: 3000, durationMs: 2, dirtyPages: 1 }],
      round,
      sentBytes: round * 1000,
      remainingBytes: 5000 - round * 1000,
      totalBytes: 5000,
      stoppedAtNs: round >= FIRST_STOPPED ? 2_000_000 : 0,
      ready,
    };
  }
}

function refused(
  code: 'migration-cancelled' | 'migration-failed' | 'migration-stream-invalid',
  what: string,
): Error {
  return refusal({ code, what, why: 'The test says so.', remedy: '' });
}
