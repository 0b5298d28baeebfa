/** One moment of a chart as plain data: what is drawn, read by the cursor, listed in the table and exported. */
import type { Paint } from './palette';

export interface ChartSeries {
  readonly key: string;
  readonly label: string;
  readonly paint: Paint;
  /** One value per column; NaN is a gap. */
  readonly values: Float64Array;
}

/** A stretch of time with a name, behind the lines. */
export interface ChartBand {
  readonly fromMs: number;
  readonly toMs: number;
  readonly token: string;
}

/** Frames lost per second for one reason, one value per column. */
export interface ChartDrops {
  readonly code: string;
  /** The reason in a sentence. */
  readonly text: string;
  readonly rates: Float64Array;
}

export interface ChartFrame {
  readonly startMs: number;
  readonly endMs: number;
  /** End of each column. */
  readonly timesMs: Float64Array;
  readonly series: readonly ChartSeries[];
  /** What was dropped, drawn as marks on the axis. */
  readonly drops?: readonly ChartDrops[];
  readonly bands?: readonly ChartBand[];
}

/** Column whose end is nearest to a time; -1 when there is none. */
export function columnAt(frame: ChartFrame, timeMs: number): number {
  let nearest = -1;
  let distance = Number.POSITIVE_INFINITY;
  for (let index = 0; index < frame.timesMs.length; index += 1) {
    const gap = Math.abs((frame.timesMs[index] ?? 0) - timeMs);
    if (gap < distance) {
      distance = gap;
      nearest = index;
    }
  }
  return nearest;
}

/** Number of values that are drawn. */
export function pointCount(frame: ChartFrame): number {
  let count = 0;
  for (const series of frame.series)
    for (const value of series.values) if (!Number.isNaN(value)) count += 1;
  return count;
}

/** Sum over all series in the newest column that has a value; NaN when none has. */
export function latestSum(frame: ChartFrame): number {
  for (let index = frame.timesMs.length - 1; index >= 0; index -= 1) {
    let sum = Number.NaN;
    for (const series of frame.series) {
      const value = series.values[index] ?? Number.NaN;
      if (!Number.isNaN(value)) sum = (Number.isNaN(sum) ? 0 : sum) + value;
    }
    if (!Number.isNaN(sum)) return sum;
  }
  return Number.NaN;
}

/** Reasons for which frames were dropped in a column, most frames first. */
export function dropsAt(
  frame: ChartFrame,
  column: number,
): { code: string; text: string; rate: number }[] {
  return (frame.drops ?? [])
    .map(({ code, text, rates }) => ({ code, text, rate: rates[column] ?? 0 }))
    .filter(({ rate }) => rate > 0)
    .sort((a, b) => b.rate - a.rate);
}

/** Columns before the cursor in which a series must have been seen to stand in the readout. */
const READOUT_COLUMNS = 5;

/** Whether a series has a value that counts at a column or shortly before: what ended earlier is not read out. */
export function isSeenAt(
  values: Float64Array,
  column: number,
  counts: (value: number) => boolean,
): boolean {
  return values.subarray(Math.max(0, column - READOUT_COLUMNS + 1), column + 1).some(counts);
}
