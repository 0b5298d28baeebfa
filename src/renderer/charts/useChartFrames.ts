/**
 * Calls `compute` when a chart must be drawn anew: a new column is there, or the window, the pause or one of
 * `sources` has changed. Only while the chart can be seen.
 */
import { useDocumentVisibility, useIntersectionObserver } from '@vueuse/core';
import { computed, shallowRef, watch, type Ref, type ShallowRef, type WatchSource } from 'vue';
import { dependOn, useTelemetryTick } from '../composables/useTelemetryTick';
import { useChartControlsStore } from '../stores/chart-controls';
import type { TimeAxis } from '../telemetry/host-series';
import type { HostSeries } from '../telemetry/host-series';

/** At most ten drawings a second, whatever arrives. */
const SHORTEST_INTERVAL_MS = 100;

export interface ChartWindowNow {
  readonly startMs: number;
  readonly endMs: number;
  axisOf: (series: HostSeries) => TimeAxis;
}

export interface ChartFramesOptions<Value> {
  readonly element: Readonly<Ref<HTMLElement | null>>;
  readonly sources: readonly WatchSource[];
  readonly initial: Value;
  readonly compute: (window: ChartWindowNow) => Value;
}

export function useChartFrames<Value>(options: ChartFramesOptions<Value>): ShallowRef<Value> {
  const controls = useChartControlsStore();
  const tick = useTelemetryTick({ intervalMs: SHORTEST_INTERVAL_MS });
  const frames = shallowRef(options.initial) as ShallowRef<Value>;
  const isOnScreen = shallowRef(true);
  const page = useDocumentVisibility();
  useIntersectionObserver(
    options.element,
    ([entry]) => (isOnScreen.value = entry?.isIntersecting ?? true),
  );

  const isVisible = computed(() => isOnScreen.value && page.value === 'visible');
  const endMs = computed(() => {
    dependOn(tick);
    const { columnMs } = controls.shape;
    return Math.floor(controls.endMs() / columnMs) * columnMs;
  });

  watch(
    [endMs, isVisible, () => controls.shape, ...options.sources],
    () => {
      if (!isVisible.value) return;
      const { spanMs, columnMs } = controls.shape;
      const end = endMs.value;
      frames.value = options.compute({
        startMs: end - spanMs,
        endMs: end,
        axisOf: (series) => series.axis(end, columnMs, spanMs / columnMs),
      });
    },
    { immediate: true },
  );
  return frames;
}
