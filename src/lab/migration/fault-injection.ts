/**
 * Faults that a migration meets on purpose, for demonstrations and tests. One for a phase of the
 * source strikes while the source waits there (`pauseAt`), when it was known before the source
 * began; one that comes later strikes when the lab hears of the phase. One for a phase of the lab
 * (committing and after) strikes before the lab goes on.
 */
import type { MigrationFault } from '../../contract/lab';
import { MIGRATION_PHASES, type MigrationPhase } from '../../contract/migration';
import { wrongState } from '../refusals';
import type { MigrationMeter } from './migration-meter';
import type { MigrationPlan } from './migration-plan';

/** Who says that a phase has begun. */
export type PhaseTeller = 'lab' | 'source';

type FaultPlan = Pick<MigrationPlan, 'record' | 'source' | 'target' | 'fabric' | 'onFault'>;

const FIRST_LAB_PHASE = MIGRATION_PHASES.indexOf('committing');
const SLOW_MIBPS = 8;
const LOST_FRAMES = 3;
/** Too little for anything that a migration asks for. */
const LEFT_BYTES = 4096;

export class FaultInjection {
  readonly #plan: FaultPlan;
  readonly #meter: MigrationMeter;
  readonly #warn: (text: string, error: unknown) => void;
  readonly #pending: MigrationFault[] = [];
  #striking: Promise<void> = Promise.resolve();
  #isFilled = false;

  constructor(
    plan: FaultPlan,
    meter: MigrationMeter,
    warn: (text: string, error: unknown) => void,
  ) {
    this.#plan = plan;
    this.#meter = meter;
    this.#warn = warn;
  }

  /** Makes the fault strike in its phase. */
  add(fault: MigrationFault): void {
    this.#pending.push(fault);
  }

  /** The first phase of the source in which a fault strikes. */
  get pauseAt(): MigrationPhase | null {
    const phases = this.#pending.filter((fault) => tellerOf(fault) === 'source');
    return MIGRATION_PHASES.find((phase) => phases.some((fault) => fault.phase === phase)) ?? null;
  }

  isDue(phase: MigrationPhase, teller: PhaseTeller): boolean {
    return this.#pending.some((fault) => fault.phase === phase && tellerOf(fault) === teller);
  }

  /** Lets every fault of the phase strike; one that cannot is a warning. Never rejects. */
  async strike(phase: MigrationPhase, teller: PhaseTeller): Promise<void> {
    while (this.isDue(phase, teller)) {
      const at = this.#pending.findIndex(
        (fault) => fault.phase === phase && tellerOf(fault) === teller,
      );
      for (const fault of this.#pending.splice(at, 1)) {
        await this.strikeNow(fault).catch((error: unknown) =>
          this.#warn('The fault could not be injected.', error),
        );
      }
    }
  }

  /** @throws RefusalError when it cannot strike */
  strikeNow(fault: MigrationFault): Promise<void> {
    const struck = this.#perform(fault).then(() => {
      this.#plan.record.injected(fault);
      this.#plan.onFault(fault);
    });
    this.#striking = Promise.allSettled([this.#striking, struck]).then(() => undefined);
    return struck;
  }

  /** Gives back what a fault took and a migration does not give back by its end. Never rejects. */
  async undo(): Promise<void> {
    this.#pending.splice(0);
    await this.#striking;
    if (!this.#isFilled) return;
    this.#isFilled = false;
    try {
      await this.#plan.target.control.freeFilledMemory();
    } catch (error) {
      this.#warn(`The memory of ${this.#plan.target.name} could not be freed again.`, error);
    }
  }

  async #perform(fault: MigrationFault): Promise<void> {
    const { source, target, record } = this.#plan;
    const { migrationId, vmName } = record.subject;
    const cause = `It was killed on purpose while ${vmName} moved.`;
    switch (fault.kind) {
      case 'cut-link':
        await source.control.breakStream({ migrationId, how: 'cut' });
        return;
      case 'corrupt-byte':
        await source.control.breakStream({ migrationId, how: 'corrupt' });
        return;
      case 'slow-link': {
        const { downtimeLimitMs } = record.options;
        const limits = { bandwidthMiBps: fault.amount ?? SLOW_MIBPS, downtimeLimitMs };
        await source.control.setSendLimits({ migrationId, limits });
        return;
      }
      case 'kill-source':
        await source.terminate(cause);
        return;
      case 'kill-target':
        await target.terminate(cause);
        return;
      case 'fill-target-memory':
        this.#isFilled = true;
        await target.control.fillMemory({ leaveBytes: LEFT_BYTES });
        return;
      case 'lose-to-vm':
      case 'lose-from-vm':
        await this.#loseProbes(fault);
    }
  }

  async #loseProbes(fault: MigrationFault): Promise<void> {
    const { fabric, record } = this.#plan;
    if (!this.#meter.isRunning) {
      throw wrongState(
        'No probe frames can be lost.',
        'The migration is not measured by a probe flow.',
        'Give the VM an IPv4 address, and the meter a rate above 0.',
      );
    }
    await fabric.control.loseProbes({
      probeId: record.subject.migrationId,
      direction: fault.kind === 'lose-to-vm' ? 'to-vm' : 'from-vm',
      frames: Math.round(fault.amount ?? LOST_FRAMES),
    });
  }
}

/** A target must be full before it reserves memory, which is before the source begins. */
export function tellerOf({ kind, phase }: MigrationFault): PhaseTeller {
  if (MIGRATION_PHASES.indexOf(phase) >= FIRST_LAB_PHASE) return 'lab';
  return kind === 'fill-target-memory' && phase === 'preparing' ? 'lab' : 'source';
}
