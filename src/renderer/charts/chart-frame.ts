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

export interface ChartFrame {
  readonly startMs: number;
  readonly endMs: number;
  /** End of each column. */
  readonly timesMs: Float64Array;
  readonly series: readonly ChartSeries[];
  /** Frames dropped per second in each column, drawn as marks on the axis. */
  readonly drops?: Float64Array;
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
