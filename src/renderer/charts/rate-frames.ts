/** Rates of a host's receive queues as chart frames. */
import { QUEUE } from '../telemetry/columns';
import type { HostSeries, TimeAxis } from '../telemetry/host-series';
import type { ChartFrame } from './chart-frame';
import type { QueueNames } from './cpu-frames';
import { paintOfHue } from './palette';

export interface RateFrames {
  readonly frames: ChartFrame;
  readonly megabits: ChartFrame;
}

const EMPTY_FRAME: ChartFrame = { startMs: 0, endMs: 1, timesMs: new Float64Array(0), series: [] };
export const EMPTY_RATES: RateFrames = { frames: EMPTY_FRAME, megabits: EMPTY_FRAME };

const BITS_PER_BYTE = 8;
const BITS_PER_MEGABIT = 1e6;

export function rateFrames(
  series: HostSeries,
  axis: TimeAxis,
  window: { readonly startMs: number; readonly endMs: number },
  names: QueueNames,
): RateFrames {
  const drops = new Float64Array(axis.endsMs.length);
  const queues = series
    .rowsOf('queue')
    .map((row) => {
      const dropped = series.rates(row.key, QUEUE.dropped, axis);
      for (let index = 0; index < drops.length; index += 1)
        drops[index] = (drops[index] ?? 0) + (dropped[index] || 0);
      return {
        look: { key: row.key, label: names.label(row.key), paint: paintOfHue(names.hue(row.key)) },
        frames: series.rates(row.key, QUEUE.frames, axis),
        bytes: series.rates(row.key, QUEUE.bytes, axis),
      };
    })
    .filter(({ frames }) => frames.some((value) => !Number.isNaN(value)))
    .sort((a, b) => a.look.key.localeCompare(b.look.key, 'en', { numeric: true }));
  const shared = { ...window, timesMs: axis.endsMs, drops };
  return {
    frames: { ...shared, series: queues.map(({ look, frames }) => ({ ...look, values: frames })) },
    megabits: {
      ...shared,
      series: queues.map(({ look, bytes }) => ({
        ...look,
        values: bytes.map((value) => (value * BITS_PER_BYTE) / BITS_PER_MEGABIT),
      })),
    },
  };
}
