/** Frames that a host dropped, by reason: how many since its start, and how many per second now. */
import { DROP_REASONS, type DropReason } from '../../contract/drop-reasons';
import { DROP } from './columns';
import { dropKey, type HostSeries, type TimeAxis } from './host-series';

export interface DropCount {
  readonly code: DropReason;
  /** The reason in a sentence. */
  readonly text: string;
  /** False when nobody here wanted the frames. */
  readonly isLoss: boolean;
  readonly frames: number;
  /** Frames per second; NaN when there is nothing to compare yet. */
  readonly rate: number;
}

/** Frames per second lost for one reason, column by column; NaN is a gap. */
export interface LossRates {
  readonly code: DropReason;
  readonly text: string;
  readonly rates: Float64Array;
}

/** Reasons that have dropped a frame since the host's start, most frames first. */
export function dropCounts(series: HostSeries): DropCount[] {
  return DROP_REASONS.map((reason, index) => ({
    ...reason,
    frames: series.latestValue(dropKey(index), DROP.frames),
    rate: series.latestRate(dropKey(index), DROP.frames),
  }))
    .filter((count) => count.frames > 0)
    .sort((a, b) => b.frames - a.frames);
}

/** Reasons that have lost a frame within an axis. */
export function lossRates(series: HostSeries, axis: TimeAxis): LossRates[] {
  return DROP_REASONS.flatMap(({ code, text, isLoss }, index) => {
    if (!isLoss) return [];
    const rates = series.rates(dropKey(index), DROP.frames, axis);
    return rates.some((rate) => rate > 0) ? [{ code, text, rates }] : [];
  });
}
