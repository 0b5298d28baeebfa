/** The figures of one or more frames as rows: what the data table shows and the CSV file holds. */
import { columnAt, type ChartFrame } from './chart-frame';

/** A frame with the words that tell its columns from those of its neighbours. */
export interface NamedFrame {
  readonly name: string;
  readonly frame: ChartFrame;
}

export interface FrameTable {
  readonly headings: readonly string[];
  /** Newest first; an empty cell is a gap. */
  readonly rows: readonly (readonly string[])[];
}

export function tableOf(
  frames: readonly NamedFrame[],
  formatTime: (timeMs: number) => string,
): FrameTable {
  const first = frames[0]?.frame;
  if (!first) return { headings: ['Time'], rows: [] };
  const columns = frames.flatMap(({ name, frame }) => [
    ...frame.series.map((series) => ({
      heading: name ? `${name}: ${series.label}` : series.label,
      frame,
      values: series.values,
    })),
    ...(frame.drops ?? []).map(({ code, rates }) => ({
      heading: `dropped, frames/s: ${code}`,
      frame,
      values: rates,
    })),
  ]);
  const rows: string[][] = [];
  for (let index = first.timesMs.length - 1; index >= 0; index -= 1) {
    const timeMs = first.timesMs[index] ?? 0;
    const cells = columns.map(({ frame, values }) =>
      cell(values[frame === first ? index : columnAt(frame, timeMs)]),
    );
    if (cells.some((text) => text !== '')) rows.push([formatTime(timeMs), ...cells]);
  }
  return { headings: ['Time', ...columns.map((column) => column.heading)], rows };
}

function cell(value: number | undefined): string {
  return value === undefined || Number.isNaN(value) ? '' : String(Math.round(value * 100) / 100);
}
