/**
 * A queue number is given to another NIC as soon as it is free, while a colour belongs to the NIC. So the history of
 * one telemetry row is cut into one series per NIC that had the queue.
 */
import type { QueueSnapshot } from '../../contract/host';
import type { Tenancy } from '../stores/hosts';
import type { Hue } from '../stores/hues';
import { paintOfHue, type Paint } from './palette';

export interface QueueTenant {
  readonly id: string;
  readonly label: string;
  readonly paint: Paint;
  /** Times from which it had the queue, and until when. */
  readonly spans: readonly (readonly [fromMs: number, toMs: number])[];
}

/** Who had the queue of a telemetry row, oldest first. */
export type TenantsOf = (key: string) => readonly QueueTenant[];

export interface TenantSource {
  readonly tenanciesOf: (key: string) => readonly Tenancy[];
  readonly hueOf: (queue: QueueSnapshot) => Hue;
  readonly adapterCount: number;
}

export function tenantsFrom({ tenanciesOf, hueOf, adapterCount }: TenantSource): TenantsOf {
  return (key) => {
    const [, adapter = '', number = ''] = key.split(':');
    const suffix = adapterCount > 1 ? ` (adapter ${adapter})` : '';
    const name = number === '0' ? 'default queue' : `queue ${number}`;
    const tenancies = tenanciesOf(key);
    const tenants = new Map<string, QueueTenant>();
    for (const [index, { queue, fromMs }] of tenancies.entries()) {
      const id = `${key}/${queue.nicId ?? ''}`;
      const span = [
        index === 0 ? Number.NEGATIVE_INFINITY : fromMs,
        tenancies[index + 1]?.fromMs ?? Number.POSITIVE_INFINITY,
      ] as const;
      const before = tenants.get(id);
      tenants.set(id, {
        id,
        label: (queue.vmName === null ? name : `${name} · ${queue.vmName}`) + suffix,
        paint: paintOfHue(hueOf(queue)),
        spans: [...(before?.spans ?? []), span],
      });
    }
    const everSince = [[Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]] as const;
    if (tenants.size > 0) return [...tenants.values()];
    return [
      {
        id: key,
        label: name + suffix,
        paint: paintOfHue({ token: '--queue-default', pattern: 0 }),
        spans: everSince,
      },
    ];
  };
}

/** The part of a row's values that belongs to a tenant; `outside` stands where another had the queue. */
export function valuesOfTenant(
  tenant: QueueTenant,
  values: Float64Array,
  timesMs: Float64Array,
  outside: number,
): Float64Array {
  return values.map((value, index) => {
    const time = timesMs[index] ?? 0;
    return tenant.spans.some(([fromMs, toMs]) => time > fromMs && time <= toMs) ? value : outside;
  });
}
