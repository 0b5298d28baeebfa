import { watchThrottled } from '@vueuse/core';
import { shallowRef, type Ref, type ShallowRef } from 'vue';
import { telemetryTick } from '../telemetry/telemetry';

export interface TelemetryTickOptions {
  /** Shortest time between two changes; 1 second unless told. */
  readonly intervalMs?: number;
}

/** A number that changes when there is new telemetry, at most once per interval. */
export function useTelemetryTick({
  intervalMs = 1000,
}: TelemetryTickOptions = {}): ShallowRef<number> {
  const tick = shallowRef(0);
  watchThrottled(telemetryTick, () => (tick.value += 1), { throttle: intervalMs, immediate: true });
  return tick;
}

/** Makes the running computation run again when the tick changes, since the telemetry itself is not reactive. */
export function dependOn(tick: Readonly<Ref<number>>): number {
  return tick.value;
}
