/**
 * Migrations as a file to keep: JSON with everything that is known of each, CSV with one row per
 * migration for a spreadsheet. Times are milliseconds, sizes bytes; what was not measured is empty.
 */
import { MIGRATION_PHASES } from '../contract/migration';
import type { MigrationReport } from '../contract/report';
import { toCsv } from './csv';

/** A migration as the lab reports it, with the time at which it started. */
export interface ExportedMigration extends MigrationReport {
  /** Unix time in milliseconds. */
  readonly startedAtMs: number;
}

export interface ExportContext {
  /** Name of a host by its id; the id itself for a host that is gone. */
  readonly hostName: (hostId: string) => string;
  /** Unix time in milliseconds at which the file is made. */
  readonly exportedAtMs: number;
}

/** Bytes per second over all rounds; NaN when no round has ended. */
export function averageRate({ roundList }: Pick<MigrationReport, 'roundList'>): number {
  const bytes = roundList.reduce((sum, round) => sum + round.bytes, 0);
  const milliseconds = roundList.reduce((sum, round) => sum + round.durationMs, 0);
  return milliseconds > 0 ? (bytes * 1000) / milliseconds : Number.NaN;
}

/** The migrations with names of hosts and start times that people can read, as indented JSON. */
export function migrationsToJson(
  migrations: readonly ExportedMigration[],
  { hostName, exportedAtMs }: ExportContext,
): string {
  const file = {
    schema: 1,
    exportedAt: isoTime(exportedAtMs),
    migrations: migrations.map((migration) => ({
      startedAt: isoTime(migration.startedAtMs),
      fromHost: hostName(migration.fromHostId),
      toHost: hostName(migration.toHostId),
      ...migration,
    })),
  };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

type Cell = string | number | boolean | null | undefined;
type Column = readonly [heading: string, cell: (migration: ExportedMigration) => Cell];

/** One row per migration, in the given order. */
export function migrationsToCsv(
  migrations: readonly ExportedMigration[],
  { hostName }: Pick<ExportContext, 'hostName'>,
): string {
  const columns: readonly Column[] = [
    ['id', (migration) => migration.migrationId],
    ['started', ({ startedAtMs }) => isoTime(startedAtMs)],
    ['vm', ({ vmName }) => vmName],
    ['from', ({ fromHostId }) => hostName(fromHostId)],
    ['to', ({ toHostId }) => hostName(toHostId)],
    ...OUTCOME_COLUMNS,
    ...PROBE_COLUMNS,
    ...COST_COLUMNS,
    ...OPTION_COLUMNS,
    ...PHASE_COLUMNS,
  ];
  return toCsv(
    columns.map(([heading]) => heading),
    migrations.map((migration) => columns.map(([, cell]) => textOf(cell(migration)))),
  );
}

const OUTCOME_COLUMNS: readonly Column[] = [
  ['outcome', ({ outcome }) => outcome],
  ['reason', ({ reason }) => reason],
  ['downtime_ms', ({ downtimeMs }) => downtimeMs],
  ['total_ms', ({ totalMs }) => totalMs],
];

const PROBE_COLUMNS: readonly Column[] = [
  ['silence_ms', ({ probe }) => probe?.silenceMs],
  ['silence_to_vm_ms', ({ probe }) => probe?.toVm.silenceMs],
  ['silence_from_vm_ms', ({ probe }) => probe?.fromVm.silenceMs],
  ['probes_sent', ({ probe }) => probe?.sent],
  ['probes_answered', ({ probe }) => probe?.received],
  ['lost_to_vm', ({ probe }) => probe?.toVm.lost],
  ['lost_from_vm', ({ probe }) => probe?.fromVm.lost],
  ['duplicated_to_vm', ({ probe }) => probe?.toVm.duplicated],
  ['duplicated_from_vm', ({ probe }) => probe?.fromVm.duplicated],
  ['reordered_to_vm', ({ probe }) => probe?.toVm.reordered],
  ['reordered_from_vm', ({ probe }) => probe?.fromVm.reordered],
];

const COST_COLUMNS: readonly Column[] = [
  ['rounds', ({ rounds }) => rounds],
  ['sent_bytes', ({ sentBytes }) => sentBytes],
  ['memory_bytes', ({ totalBytes }) => totalBytes],
  ['bytes_per_second', averageRate],
  ['held_frames', ({ heldFrames }) => heldFrames],
  ['marker_seen', ({ markerSeen }) => markerSeen],
  ['throttle_percent', ({ throttlePercent }) => throttlePercent],
  ['advice', ({ advice }) => advice],
  ['warnings', ({ warnings }) => warnings.join('; ')],
];

const OPTION_COLUMNS: readonly Column[] = [
  ['bandwidth_limit_mib_per_second', ({ options }) => options.bandwidthMiBps],
  ['downtime_limit_ms', ({ options }) => options.downtimeLimitMs],
  ['max_rounds', ({ options }) => options.maxRounds],
  ['auto_converge', ({ options }) => options.autoConverge],
  ['when_not_converging', ({ options }) => options.whenNotConverging],
  ['probes_per_second', ({ options }) => options.probesPerSecond],
  ['fault', ({ fault }) => fault?.kind],
  ['fault_phase', ({ fault }) => fault?.phase],
];

const PHASE_COLUMNS: readonly Column[] = MIGRATION_PHASES.map((phase) => [
  `phase_${phase.replaceAll('-', '_')}_ms`,
  ({ phases }) => phases.find((entered) => entered.phase === phase)?.durationMs,
]);

/** Figures to three decimals, never in powers of ten; what is unknown is empty. */
function textOf(cell: Cell): string {
  if (cell === null || cell === undefined) return '';
  if (typeof cell !== 'number') return String(cell);
  return Number.isFinite(cell) ? String(Math.round(cell * 1000) / 1000) : '';
}

function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
