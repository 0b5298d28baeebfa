/** One host in one line: rates over all its receive queues, and the frames it has accounted for. */
import { computed, type ComputedRef } from 'vue';
import { HEADER, QUEUE } from '../telemetry/columns';
import { headerKey } from '../telemetry/host-series';
import { seriesOf } from '../telemetry/telemetry';
import { dependOn, useTelemetryTick } from './useTelemetryTick';

export interface HostTotals {
  readonly frames: number;
  readonly bytes: number;
  readonly dropRate: number;
  readonly entered: number;
  readonly copies: number;
  readonly delivered: number;
  readonly dropped: number;
  /** Nobody here wanted them: no loss. */
  readonly filtered: number;
  readonly held: number;
}

export function useHostTotals(hostId: () => string): ComputedRef<HostTotals> {
  const tick = useTelemetryTick();
  return computed(() => {
    dependOn(tick);
    const series = seriesOf(hostId());
    const present = series.rowsOf('queue').filter((row) => row.lastSample === series.count - 1);
    const sum = (column: number): number =>
      present.length === 0
        ? Number.NaN
        : present.reduce((total, row) => total + orZero(series.latestRate(row.key, column)), 0);
    return {
      frames: sum(QUEUE.frames),
      bytes: sum(QUEUE.bytes),
      dropRate: series.latestRate(headerKey, HEADER.droppedFrames),
      entered: series.latestValue(headerKey, HEADER.enteredFrames),
      copies: series.latestValue(headerKey, HEADER.copiesMade),
      delivered: series.latestValue(headerKey, HEADER.deliveredFrames),
      dropped: series.latestValue(headerKey, HEADER.droppedFrames),
      filtered: series.latestValue(headerKey, HEADER.filteredFrames),
      held: series.latestValue(headerKey, HEADER.heldFrames),
    };
  });
}

function orZero(value: number): number {
  return Number.isNaN(value) ? 0 : value;
}
