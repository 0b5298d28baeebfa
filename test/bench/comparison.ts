/** Interleaved rounds: ours and the peer in turn, within the same seconds, so that a noisy machine hits both. */
import type { BenchContext } from './bench';
import type { Comparison } from './result';
import { pairRatios, spreadOf } from './spread';

export interface Measurement {
  /** In the unit of the case. */
  readonly value: number;
  readonly conserved: boolean;
}

/** One of the two things that are compared. */
export interface Side {
  readonly name: string;
  /** Measures once for about `seconds`; leaves nothing running that could disturb the other side. */
  measure(seconds: number): Promise<Measurement>;
}

export interface ComparedCase {
  readonly name: string;
  readonly case: string;
  readonly frameBytes: number;
  readonly unit: string;
  readonly ours: Side;
  readonly peer: Side;
  /** Further figures of our side, read after the last round. */
  readonly figures?: () => Record<string, number>;
}

/** Measures both sides in turn, after one round that does not count; who begins changes each round. */
export async function compare(compared: ComparedCase, context: BenchContext): Promise<Comparison> {
  const { ours, peer } = compared;
  const warmUpSeconds = Math.min(0.5, context.seconds);
  await ours.measure(warmUpSeconds);
  await peer.measure(warmUpSeconds);
  const values: { ours: number[]; peer: number[] } = { ours: [], peer: [] };
  let conserved = true;
  for (let round = 0; round < context.rounds; round++) {
    const order = round % 2 === 0 ? (['ours', 'peer'] as const) : (['peer', 'ours'] as const);
    for (const side of order) {
      const measured = await compared[side].measure(context.seconds);
      values[side].push(measured.value);
      conserved &&= measured.conserved;
    }
    const [one, other] = [values.ours.at(-1) ?? 0, values.peer.at(-1) ?? 0];
    context.log(
      `  ${compared.case}, round ${round + 1} of ${context.rounds}: ${shortNumber(one)} against ${shortNumber(other)} ${compared.unit}`,
    );
  }
  const figures = compared.figures?.();
  return {
    name: compared.name,
    case: compared.case,
    frameBytes: compared.frameBytes,
    unit: compared.unit,
    ours: spreadOf(values.ours),
    peer: spreadOf(values.peer),
    peerName: peer.name,
    ratio: spreadOf(pairRatios(values.ours, values.peer)),
    rounds: context.rounds,
    conserved,
    ...(figures === undefined ? {} : { figures }),
  };
}

/** Three significant digits, without an exponent: `3.14`, `12,300`. */
export function shortNumber(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: 3 });
}
