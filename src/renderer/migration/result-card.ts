/**
 * What came of a migration, in words and figures to keep. The card on the screen, the picture and the copied text all
 * show this one model, so they cannot differ.
 */
import type { MigrationSnapshot } from '../../contract/lab';
import { averageRate } from '../../shared/migration-export';
import { MIB } from '../../shared/units';
import {
  formatCount,
  formatDecimal,
  formatExact,
  formatMilliseconds,
  UNKNOWN,
} from '../format/format';
import { lookOf, phaseWords, type StateLook } from '../format/states';
import { faultWords, measuredWords, verdictWords, type CardContext } from './result-words';

export interface CardBar {
  readonly label: string;
  /** Who says so. */
  readonly source: string;
  /** NaN when it was not measured. */
  readonly milliseconds: number;
  readonly test: string;
}

export interface CardFigure {
  readonly label: string;
  readonly value: string;
  readonly unit: string;
  readonly hint?: string;
  readonly isBad?: boolean;
  readonly test?: string;
}

export interface CardDirection {
  readonly label: string;
  readonly toVm: string;
  readonly fromVm: string;
  readonly isBad: boolean;
  readonly test: string;
}

export interface ResultCard {
  readonly title: string;
  readonly state: StateLook;
  /** Where the VM runs now; the answer to the first question of everybody. */
  readonly verdict: string;
  /** Why it failed or was cancelled; empty otherwise. */
  readonly reason: string;
  /** What the frames say, one sentence. */
  readonly measured: string;
  readonly bars: readonly CardBar[];
  readonly limitMs: number;
  readonly directions: readonly CardDirection[];
  readonly figures: readonly CardFigure[];
  readonly warnings: readonly string[];
  readonly footer: string;
}

export function resultCard(migration: MigrationSnapshot, context: CardContext): ResultCard {
  const { vmName, fromHostId, toHostId, outcome, options } = migration;
  return {
    title: `${vmName}: ${context.hostName(fromHostId)} → ${context.hostName(toHostId)}`,
    state: lookOf(outcome),
    verdict: verdictWords(migration, context),
    reason: migration.reason,
    measured: measuredWords(migration),
    bars: barsOf(migration),
    limitMs: options.downtimeLimitMs,
    directions: directionsOf(migration),
    figures: figuresOf(migration),
    warnings: warningsOf(migration),
    footer: footerOf(migration, context),
  };
}

function barsOf({ downtimeMs, probe }: MigrationSnapshot): CardBar[] {
  return [
    {
      label: 'Downtime',
      source: 'claimed by the engine',
      milliseconds: downtimeMs ?? Number.NaN,
      test: 'migration-downtime',
    },
    {
      label: 'Silence',
      source: 'measured from frames',
      milliseconds: probe?.silenceMs ?? Number.NaN,
      test: 'migration-silence',
    },
  ];
}

function directionsOf({ probe }: MigrationSnapshot): CardDirection[] {
  if (!probe) return [];
  const { toVm, fromVm } = probe;
  const counted = (label: string, key: 'lost' | 'duplicated' | 'reordered'): CardDirection => ({
    label,
    toVm: formatCount(toVm[key]),
    fromVm: formatCount(fromVm[key]),
    isBad: toVm[key] + fromVm[key] > 0,
    test: `migration-${key}`,
  });
  return [
    {
      label: 'Probe frames',
      toVm: formatCount(toVm.sent),
      fromVm: formatCount(fromVm.sent),
      isBad: false,
      test: 'migration-probes',
    },
    counted('Lost', 'lost'),
    counted('Duplicated', 'duplicated'),
    counted('Out of order', 'reordered'),
    {
      label: 'Longest silence',
      toVm: formatMilliseconds(toVm.silenceMs),
      fromVm: formatMilliseconds(fromVm.silenceMs),
      isBad: false,
      test: 'migration-silence-each',
    },
  ];
}

/** A formatted value apart from its unit. */
function figure(text: string): Pick<CardFigure, 'value' | 'unit'> {
  const [value = UNKNOWN, unit = ''] = text.split(' ');
  return { value, unit };
}

function figuresOf(migration: MigrationSnapshot): CardFigure[] {
  const { totalMs, rounds, sentBytes, totalBytes, heldFrames, markerSeen } = migration;
  const rate = averageRate(migration);
  const figures: CardFigure[] = [
    { label: 'In all', ...figure(formatMilliseconds(totalMs)), test: 'migration-total' },
    {
      label: 'Rounds',
      value: String(rounds),
      unit: '',
      hint: 'Times that memory was copied, the final copy included',
      test: 'migration-rounds',
    },
    {
      label: 'Sent',
      value: formatDecimal(sentBytes / MIB),
      unit: `of ${formatDecimal(totalBytes / MIB)} MiB`,
      hint: 'Bytes on the link, of the memory of the VM: pages of zeros or of one repeated word travel as their number',
      test: 'migration-bytes',
    },
    {
      label: 'Rate',
      value: formatDecimal(rate / MIB),
      unit: Number.isFinite(rate) ? 'MiB/s' : '',
      hint: 'Bytes sent over the time of all rounds',
      test: 'migration-rate',
    },
    {
      label: 'Frames held',
      value: formatCount(heldFrames),
      unit: '',
      hint: 'Frames for the VM that came to the source in the gap, and were delivered at the target before any other',
      test: 'migration-held',
    },
    {
      label: 'Marker frame',
      value: markerSeen === null ? UNKNOWN : markerSeen ? 'seen' : 'not seen',
      unit: '',
      hint: 'It follows the last frame of the old path: once it has come, no other frame is left there',
      isBad: markerSeen === false,
      test: 'migration-marker',
    },
  ];
  if (migration.throttlePercent > 0)
    figures.push({
      label: 'Guest slowed by',
      value: String(migration.throttlePercent),
      unit: '%',
      test: 'migration-throttle',
    });
  return figures;
}

function warningsOf({ warnings, advice, fault }: MigrationSnapshot): string[] {
  return [
    ...(fault
      ? [
          `A fault was injected on purpose: ${faultWords(fault.kind)} at “${phaseWords(fault.phase)}”.`,
        ]
      : []),
    ...warnings,
    ...(advice ? [`While it copied: ${advice}`] : []),
  ];
}

function footerOf({ startedAtMs, options }: MigrationSnapshot, context: CardContext): string {
  const { bandwidthMiBps, downtimeLimitMs, probesPerSecond } = options;
  return [
    formatExact(startedAtMs).replace(/\.\d+$/, ''),
    bandwidthMiBps === null
      ? 'no bandwidth limit'
      : `at most ${formatDecimal(bandwidthMiBps)} MiB/s`,
    `downtime limit ${formatMilliseconds(downtimeLimitMs)}`,
    probesPerSecond > 0
      ? `${formatCount(probesPerSecond)} probes/s, one every ${formatMilliseconds(1000 / probesPerSecond)}`
      : 'no meter',
    `VMQ Console ${context.productVersion}`.trim(),
  ].join(' · ');
}

/** The card as plain text, for a message or a ticket. */
export function cardText(card: ResultCard): string {
  const line = (label: string, value: string): string => `${`${label}:`.padEnd(18)}${value}`;
  const words = [card.verdict, card.reason, card.measured].filter((text) => text !== '');
  return [
    `${card.title} (${card.state.word})`,
    ...words,
    '',
    ...card.bars.map(({ label, source, milliseconds }) =>
      line(label, `${formatMilliseconds(milliseconds)}, ${source}`),
    ),
    ...card.directions.map(({ label, toVm, fromVm }) =>
      line(label, `${toVm} to the VM, ${fromVm} from it`),
    ),
    ...card.figures.map(({ label, value, unit }) => line(label, `${value} ${unit}`.trim())),
    ...card.warnings.map((warning) => `! ${warning}`),
    '',
    card.footer,
  ].join('\n');
}
