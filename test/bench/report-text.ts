/** Results as lines for people. */
import { shortNumber } from './comparison';
import type { BenchResult, Comparison, MigrationResult } from './result';
import type { Spread } from './spread';

/** One result; the first line names it. */
export function resultLines(result: BenchResult): string[] {
  return 'downtimeMs' in result ? migrationLines(result) : comparisonLines(result);
}

/** `median (min to max)`. */
function spreadText({ median, min, max }: Spread): string {
  if (min === max) return shortNumber(median);
  return `${shortNumber(median)} (${shortNumber(min)} to ${shortNumber(max)})`;
}

function comparisonLines(result: Comparison): string[] {
  const { name, frameBytes, unit, ours, peer, peerName, ratio, rounds, conserved } = result;
  const size = frameBytes > 0 ? `, ${frameBytes} bytes` : '';
  const figures = Object.entries(result.figures ?? {});
  return [
    `${name}: ${result.case}${size}`,
    `  ours    ${spreadText(ours)} ${unit}`,
    `  peer    ${spreadText(peer)} ${unit}   (${peerName})`,
    `  ratio   ${spreadText(ratio)}, ${rounds} rounds, ${conservation(conserved)}`,
    ...figures.map(([figure, value]) => `  ${figure} ${shortNumber(value)}`),
  ];
}

function migrationLines(result: MigrationResult): string[] {
  const { comparison } = result;
  return [
    `migration: ${result.case}, ${result.migrations} migrations, ${conservation(result.conserved)}`,
    `  downtime    ${spreadText(result.downtimeMs)} ms`,
    `  silence     ${spreadText(result.silenceMs)} ms`,
    `  total       ${spreadText(result.totalMs)} ms, ${spreadText(result.rounds)} rounds, ${spreadText(result.bytes)} bytes`,
    `  lost        ${spreadText(result.lost)}, duplicated ${spreadText(result.duplicated)}, reordered ${spreadText(result.reordered)}`,
    `  copied at   ${spreadText(result.mibPerSecond)} MiB/s`,
    ...(comparison === undefined
      ? []
      : [
          `  ${comparison.figure}: ours ${spreadText(comparison.ours)}, ${comparison.peerName} ${spreadText(comparison.peer)}, ratio ${spreadText(comparison.ratio)}`,
          ...(comparison.peerSilenceMs && comparison.peerLost
            ? [
                `  ${comparison.peerName}: silent for ${spreadText(comparison.peerSilenceMs)} ms, lost ${spreadText(comparison.peerLost)}`,
              ]
            : []),
        ]),
  ];
}

function conservation(conserved: boolean): string {
  return conserved ? 'frames conserved' : 'FRAMES NOT CONSERVED';
}
