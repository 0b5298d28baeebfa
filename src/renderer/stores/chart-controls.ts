/** What all charts share: window, pause and the cursor, so that they can be read side by side. */
import { acceptHMRUpdate, defineStore } from 'pinia';
import { computed, shallowRef } from 'vue';
import { latestTelemetryMs } from '../telemetry/telemetry';

export const CHART_WINDOWS = {
  '1m': { label: '1 min', spanMs: 60_000, columnMs: 500 },
  '5m': { label: '5 min', spanMs: 300_000, columnMs: 1000 },
} as const;
export type ChartWindow = keyof typeof CHART_WINDOWS;

export const useChartControlsStore = defineStore('chart-controls', () => {
  const window = shallowRef<ChartWindow>('1m');
  /** Time at which the charts stand still; null while they move. */
  const pausedAtMs = shallowRef<number | null>(null);
  /** Time under the pointer or the keyboard cursor, in every chart; null is none. */
  const cursorMs = shallowRef<number | null>(null);
  const shape = computed(() => CHART_WINDOWS[window.value]);
  const isPaused = computed(() => pausedAtMs.value !== null);

  function togglePause(): void {
    pausedAtMs.value = isPaused.value ? null : latestTelemetryMs();
  }

  /** Time at which the charts end now. */
  const endMs = (): number => pausedAtMs.value ?? latestTelemetryMs();

  return { window, pausedAtMs, cursorMs, shape, isPaused, togglePause, endMs };
});

if (import.meta.hot)
  import.meta.hot.accept(acceptHMRUpdate(useChartControlsStore, import.meta.hot));
