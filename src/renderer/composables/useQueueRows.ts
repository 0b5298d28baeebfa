/** The receive queues of one host, or of all, as a table and a detail panel show them. */
import { computed, type ComputedRef } from 'vue';
import type { QueueSnapshot } from '../../contract/host';
import { useHostsStore } from '../stores/hosts';
import { useHuesStore, type Hue } from '../stores/hues';
import { useLabStore } from '../stores/lab';
import { QUEUE } from '../telemetry/columns';
import { queueKey } from '../telemetry/host-series';
import { seriesOf } from '../telemetry/telemetry';
import { queueSelectionId } from './useAddress';
import { dependOn, useTelemetryTick } from './useTelemetryTick';

export interface QueueRow {
  readonly key: string;
  readonly hostId: string;
  readonly hostName: string;
  readonly adapterName: string;
  readonly queue: QueueSnapshot;
  readonly label: string;
  readonly macs: readonly string[];
  readonly hue: Hue;
  readonly frames: number;
  readonly bytes: number;
  readonly dropRate: number;
  readonly interrupts: number;
  readonly framesPerIndication: number;
  /** Since the host started. */
  readonly dropped: number;
  readonly totalFrames: number;
  readonly pending: number;
  readonly postedBuffers: number;
}

export function queueLabel(queueId: number): string {
  return queueId === 0 ? 'default queue' : `queue ${queueId}`;
}

/** @param hostId Answers the host, or an empty text for all hosts. */
export function useQueueRows(hostId: () => string): ComputedRef<QueueRow[]> {
  const lab = useLabStore();
  const hosts = useHostsStore();
  const hues = useHuesStore();
  const tick = useTelemetryTick();

  function rowOf(host: string, adapterName: string, queue: QueueSnapshot): QueueRow {
    const series = seriesOf(host);
    const row = queueKey(queue.adapterIndex, queue.queueId);
    const frames = series.latestRate(row, QUEUE.frames);
    return {
      key: queueSelectionId(host, queue.adapterId, queue.queueId),
      hostId: host,
      hostName: lab.hostName(host),
      adapterName,
      queue,
      label: queueLabel(queue.queueId),
      macs: queue.filters.map((filter) => filter.mac),
      hue: hues.ofQueue(queue),
      frames,
      bytes: series.latestRate(row, QUEUE.bytes),
      dropRate: series.latestRate(row, QUEUE.dropped),
      interrupts: series.latestRate(row, QUEUE.interrupts),
      framesPerIndication: frames / series.latestRate(row, QUEUE.indications),
      dropped: series.latestValue(row, QUEUE.dropped),
      totalFrames: series.latestValue(row, QUEUE.frames),
      pending: series.latestValue(row, QUEUE.pending),
      postedBuffers: series.latestValue(row, QUEUE.postedBuffers),
    };
  }

  return computed(() => {
    dependOn(tick);
    const asked = hostId();
    return lab.hosts
      .filter((host) => asked === '' || host.id === asked)
      .flatMap((host) => {
        const snapshot = hosts.snapshotOf(host.id);
        const names = new Map(snapshot?.adapters.map((adapter) => [adapter.id, adapter.name]));
        return (snapshot?.queues ?? []).map((queue) =>
          rowOf(host.id, names.get(queue.adapterId) ?? queue.adapterId, queue),
        );
      });
  });
}
