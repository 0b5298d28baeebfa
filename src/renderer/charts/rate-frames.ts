/** Rates of a host's receive queues as chart frames, with what the host lost. */
import { QUEUE } from '../telemetry/columns';
import { lossRates } from '../telemetry/drop-counts';
import type { HostSeries, TimeAxis } from '../telemetry/host-series';
import type { ChartFrame } from './chart-frame';
import { valuesOfTenant, type TenantsOf } from './queue-tenants';

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
  tenantsOf: TenantsOf,
): RateFrames {
  const rows = series
    .rowsOf('queue')
    .sort((a, b) => a.key.localeCompare(b.key, 'en', { numeric: true }));
  const queues = rows
    .flatMap(({ key }) => {
      const frames = series.rates(key, QUEUE.frames, axis);
      const bytes = series.rates(key, QUEUE.bytes, axis);
      return tenantsOf(key).map((tenant) => ({
        look: { key: tenant.id, label: tenant.label, paint: tenant.paint },
        frames: valuesOfTenant(tenant, frames, axis.endsMs, Number.NaN),
        bytes: valuesOfTenant(tenant, bytes, axis.endsMs, Number.NaN),
      }));
    })
    .filter(({ frames }) => frames.some((value) => !Number.isNaN(value)));
  const shared = { ...window, timesMs: axis.endsMs, drops: lossRates(series, axis) };
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
