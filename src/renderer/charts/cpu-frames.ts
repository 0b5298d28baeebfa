/** CPU shares as chart frames: one per processor, queues at the bottom, then the adapter, then everything else. */
import { CPU_PARTS, sumAt, type CpuPart, type ProcessorShares } from '../telemetry/cpu-shares';
import type { TimeAxis } from '../telemetry/host-series';
import type { ChartFrame, ChartSeries } from './chart-frame';
import { paintOfPart, type Paint } from './palette';
import { valuesOfTenant, type TenantsOf } from './queue-tenants';

export interface CpuFrame {
  readonly processor: number;
  readonly title: string;
  readonly frame: ChartFrame;
  /** Percent of each column that is accounted for; NaN is a gap. */
  readonly total: Float64Array;
}

export const PART_LABELS: Readonly<Record<CpuPart, string>> = {
  adapter: 'adapter',
  polling: 'polling',
  'host-threads': 'other threads',
  'other-hosts': 'other hosts',
  'machine-rest': 'rest of machine',
};

export function cpuFrames(
  shares: readonly ProcessorShares[],
  axis: TimeAxis,
  window: { readonly startMs: number; readonly endMs: number },
  tenantsOf: TenantsOf,
): CpuFrame[] {
  const queueKeys = [...new Set(shares.flatMap((share) => [...share.queues.keys()]))].sort(
    byQueueNumber,
  );
  return shares.map((share) => {
    const queues = queueKeys.flatMap((key) => {
      const values = share.queues.get(key) ?? new Float64Array(share.known.length);
      return tenantsOf(key).map((tenant) =>
        seriesOf(
          share,
          tenant.id,
          tenant.label,
          tenant.paint,
          valuesOfTenant(tenant, values, axis.endsMs, 0),
        ),
      );
    });
    const parts = CPU_PARTS.map((part) =>
      seriesOf(share, part, PART_LABELS[part], paintOfPart(part), share.parts[part]),
    );
    return {
      processor: share.processor,
      title: share.processor < 0 ? 'Not pinned' : `CPU ${share.processor}`,
      frame: { ...window, timesMs: axis.endsMs, series: [...queues, ...parts] },
      total: Float64Array.from(share.known, (known, index) =>
        known ? sumAt(share, index) : Number.NaN,
      ),
    };
  });
}

function seriesOf(
  share: ProcessorShares,
  key: string,
  label: string,
  paint: Paint,
  values: Float64Array,
): ChartSeries {
  return {
    key,
    label,
    paint,
    values: values.map((value, index) => (share.known[index] ? value : Number.NaN)),
  };
}

/** `queue:0:2` before `queue:0:10`; default queues last, next to the adapter. */
function byQueueNumber(a: string, b: string): number {
  const [, adapterA = 0, idA = 0] = a.split(':').map(Number);
  const [, adapterB = 0, idB = 0] = b.split(':').map(Number);
  if ((idA === 0) !== (idB === 0)) return idA === 0 ? 1 : -1;
  return adapterA - adapterB || idA - idB;
}
