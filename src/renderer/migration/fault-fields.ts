/** Faults that can be injected, in words: what happens, and what is to be expected of the VM. */
import { migrationFaultSchema, type MigrationFault } from '../../contract/lab';
import { MIGRATION_PHASES, type MigrationPhase } from '../../contract/migration';

export type FaultKind = MigrationFault['kind'];

export interface FaultFields {
  /** Empty: no fault. */
  kind: FaultKind | '';
  phase: MigrationPhase;
  amount: string;
}

export interface FaultWords {
  readonly label: string;
  readonly effect: string;
  /** Unit and default of the amount; left out where there is nothing to count. */
  readonly amount?: { readonly label: string; readonly unit: string; readonly default: number };
}

export const FAULTS: Readonly<Record<FaultKind, FaultWords>> = {
  'cut-link': {
    label: 'Cut the link',
    effect:
      'The stream to the target breaks off. Before the commit the VM runs on at its source; after it, on the target.',
  },
  'slow-link': {
    label: 'Slow the link',
    effect: 'The link takes no more than this rate from here on: the migration may not converge.',
    amount: { label: 'Rate', unit: 'MiB/s', default: 8 },
  },
  'corrupt-byte': {
    label: 'Corrupt a byte',
    effect: 'One bit of the stream is turned over. The target refuses it by its checksum.',
  },
  'kill-source': {
    label: 'Kill the source',
    effect:
      'The process of the source host ends at once. Before the commit the VM dies with it and starts afresh there.',
  },
  'kill-target': {
    label: 'Kill the target',
    effect:
      'The process of the target host ends at once. Before the commit the VM runs on at its source.',
  },
  'fill-target-memory': {
    label: 'Fill the memory of the target',
    effect: 'Nothing is left for the VM there: the target refuses it.',
  },
  'lose-to-vm': {
    label: 'Lose probe frames on the way to the VM',
    effect: 'Exactly so many are dropped at the fabric: the meter must report exactly that.',
    amount: { label: 'Frames', unit: 'frames', default: 3 },
  },
  'lose-from-vm': {
    label: 'Lose probe frames on the way from the VM',
    effect: 'Exactly so many are dropped at the fabric: the meter must report exactly that.',
    amount: { label: 'Frames', unit: 'frames', default: 3 },
  },
};

export const NO_FAULT: FaultFields = { kind: '', phase: 'copying', amount: '' };

/** Phases in which a fault can still strike: those that have not begun. */
export function phasesAhead(entered: readonly string[]): MigrationPhase[] {
  return MIGRATION_PHASES.filter((phase) => !entered.includes(phase));
}

export interface ParsedFault {
  readonly error?: string;
  /** Undefined when none was asked for, or with an error. */
  readonly fault?: MigrationFault;
}

export function parseFault({ kind, phase, amount }: FaultFields): ParsedFault {
  if (kind === '') return {};
  const words = FAULTS[kind].amount;
  const text = amount.trim();
  if (!words || text === '') return { fault: { kind, phase } };
  const parsed = migrationFaultSchema.safeParse({ kind, phase, amount: Number(text) });
  const isWhole = words.unit !== 'frames' || Number.isInteger(Number(text));
  return parsed.success && isWhole
    ? { fault: parsed.data }
    : {
        error: `Expected 1 to 1000000${words.unit === 'frames' ? ' whole frames' : ' MiB/s'}, got ${text}.`,
      };
}
