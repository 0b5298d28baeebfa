import { computed, type ComputedRef } from 'vue';
import { dropCounts, type DropCount } from '../telemetry/drop-counts';
import { seriesOf } from '../telemetry/telemetry';
import { dependOn, useTelemetryTick } from './useTelemetryTick';

/** Frames that a host dropped, by reason. */
export function useDropCounts(hostId: () => string): ComputedRef<DropCount[]> {
  const tick = useTelemetryTick();
  return computed(() => {
    dependOn(tick);
    return dropCounts(seriesOf(hostId()));
  });
}
