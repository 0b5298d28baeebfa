/**
 * The telemetry of all hosts, and one counter that says "there is something new". Plain data: components
 * look at it through `useTelemetryTick` and the chart composables, never by watching values.
 */
import { shallowRef, triggerRef, type ShallowRef } from 'vue';
import { HostSeries } from './host-series';

const hosts = new Map<string, HostSeries>();

/** Rises with every telemetry array of any host. */
export const telemetryTick: ShallowRef<number> = shallowRef(0);

export function seriesOf(hostId: string): HostSeries {
  const known = hosts.get(hostId);
  if (known) return known;
  const fresh = new HostSeries();
  hosts.set(hostId, fresh);
  return fresh;
}

export function takeTelemetry(hostId: string, samples: Float64Array): void {
  if (seriesOf(hostId).push(samples)) telemetryTick.value += 1;
}

/** Another process of the host begins: its counters start at zero. */
export function breakTelemetry(hostId: string): void {
  seriesOf(hostId).breakHere();
}

export function forgetTelemetry(hostId: string): void {
  hosts.delete(hostId);
  triggerRef(telemetryTick);
}

/** Time of the newest sample of any host, or now when there is none. */
export function latestTelemetryMs(): number {
  let latest = Number.NEGATIVE_INFINITY;
  for (const series of hosts.values())
    latest = Math.max(latest, series.count > 0 ? series.latestMs : latest);
  return Number.isFinite(latest) ? latest : Date.now();
}
