/**
 * The latency of a queue, read once a second while it is shown. It starts afresh with another queue, and with the host's
 * process, whose counters begin again.
 */
import { useIntervalFn } from '@vueuse/core';
import { shallowRef, watch, type ShallowRef } from 'vue';
import type { QueueLatencyReading } from '../../contract/latency';
import { callHost, problemOf, type Problem } from '../rpc';
import { useLabStore } from '../stores/lab';
import { withReading } from './latency-figures';

const INTERVAL_MS = 1000;

export interface QueuePlace {
  readonly hostId: string;
  readonly adapterId: string;
  readonly queueId: number;
}

export interface QueueLatency {
  /** Of the last seconds, oldest first. */
  readonly readings: ShallowRef<readonly QueueLatencyReading[]>;
  readonly problem: ShallowRef<Problem | null>;
}

export function useQueueLatency(place: () => QueuePlace): QueueLatency {
  const lab = useLabStore();
  const readings = shallowRef<readonly QueueLatencyReading[]>([]);
  const problem = shallowRef<Problem | null>(null);
  let latest = 0;

  async function read(): Promise<void> {
    const { hostId, adapterId, queueId } = place();
    latest += 1;
    const mine = latest;
    try {
      const reading = await callHost(hostId, 'read the latency of the queue', (host) =>
        host.queueLatency({ adapterId, queueId }),
      );
      if (mine !== latest) return;
      problem.value = null;
      readings.value = withReading(readings.value, reading);
    } catch (error) {
      if (mine === latest) problem.value = problemOf(error);
    }
  }

  useIntervalFn(() => void read(), INTERVAL_MS);
  watch(
    () => {
      const { hostId, adapterId, queueId } = place();
      return `${hostId}/${adapterId}/${queueId}/${lab.processes.get(hostId)?.pid}`;
    },
    () => {
      latest += 1;
      readings.value = [];
      problem.value = null;
      void read();
    },
    { immediate: true },
  );

  return { readings, problem };
}
