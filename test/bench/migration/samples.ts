/** What one migration showed, and the result of a case over all its migrations. */
import type { MigrationReport } from '../../../src/contract/report';
import type { MigrationResult } from '../result';
import { pairRatios, spreadOf } from '../spread';

/** The figures of one migration, as `migrationResultSchema` names them. */
export interface MigrationSample {
  readonly downtimeMs: number;
  readonly totalMs: number;
  readonly rounds: number;
  readonly bytes: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
  readonly silenceMs: number;
  readonly mibPerSecond: number;
}

/** What probes found: sent all through a migration, answered by the guest. */
export interface ProbeFigures {
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
  readonly silenceMs: number;
}

const COPY_PHASES = ['copying', 'stopping-vm', 'final-copy'];
const MIB = 2 ** 20;

/**
 * @param dropped frames that hosts and fabric dropped meanwhile, by reasons that are losses
 * @param probe where not the report's own
 * @throws Error when the migration did not complete
 */
export function sampleOf(
  report: MigrationReport,
  dropped: number,
  probe: ProbeFigures | null = report.probe,
): MigrationSample {
  if (report.outcome !== 'completed' || report.downtimeMs === null)
    throw new Error(`a migration did not complete: ${report.reason}`);
  if (probe === null) throw new Error('a migration was not measured by probes');
  const copyMs = report.phases
    .filter(({ phase }) => COPY_PHASES.includes(phase))
    .reduce((sum, { durationMs }) => sum + durationMs, 0);
  return {
    downtimeMs: report.downtimeMs,
    totalMs: report.totalMs,
    rounds: report.rounds,
    bytes: report.sentBytes,
    lost: Math.max(probe.lost, dropped),
    duplicated: probe.duplicated,
    reordered: probe.reordered,
    silenceMs: probe.silenceMs,
    mibPerSecond: report.totalBytes / MIB / (copyMs / 1000),
  };
}

/** What a case compares with a peer: one figure, of runs made next to each other. */
export interface PeerFigures {
  readonly figure: string;
  readonly peerName: string;
  readonly ours: readonly number[];
  readonly peer: readonly number[];
  /** Where the peer migrates too: how long its guest was silent, and what its probes lost. */
  readonly peerSilencesMs?: readonly number[];
  readonly peerLost?: readonly number[];
}

export function migrationResult(
  caseName: string,
  samples: readonly MigrationSample[],
  conserved: boolean,
  compared?: PeerFigures,
): MigrationResult {
  const over = (figure: keyof MigrationSample): MigrationResult['lost'] =>
    spreadOf(samples.map((sample) => sample[figure]));
  return {
    name: 'migration',
    case: caseName,
    downtimeMs: over('downtimeMs'),
    totalMs: over('totalMs'),
    rounds: over('rounds'),
    bytes: over('bytes'),
    lost: over('lost'),
    duplicated: over('duplicated'),
    reordered: over('reordered'),
    silenceMs: over('silenceMs'),
    mibPerSecond: over('mibPerSecond'),
    migrations: samples.length,
    conserved,
    ...(compared && {
      comparison: {
        figure: compared.figure,
        peerName: compared.peerName,
        ours: spreadOf(compared.ours),
        peer: spreadOf(compared.peer),
        ratio: spreadOf(pairRatios(compared.ours, compared.peer)),
        ...(compared.peerSilencesMs && { peerSilenceMs: spreadOf(compared.peerSilencesMs) }),
        ...(compared.peerLost && { peerLost: spreadOf(compared.peerLost) }),
      },
    }),
  };
}

/** One line about a migration, for people who wait. */
export function sampleLine(sample: MigrationSample): string {
  const ms = (value: number): string => `${value.toFixed(1)} ms`;
  return (
    `stopped for ${ms(sample.downtimeMs)}, silent for ${ms(sample.silenceMs)}, lost ${sample.lost}, ` +
    `${sample.totalMs.toFixed(0)} ms in all, ${sample.mibPerSecond.toFixed(0)} MiB/s`
  );
}
