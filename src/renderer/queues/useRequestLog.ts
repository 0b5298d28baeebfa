/**
 * The request log of an adapter, followed while it is shown: asked for what is new once a second. It starts afresh with
 * the host's process, whose numbers begin again.
 */
import { useIntervalFn } from '@vueuse/core';
import { shallowRef, watch, type ShallowRef } from 'vue';
import type { RequestLogEntry } from '../../contract/vmq';
import { callHost, problemOf, type Problem } from '../rpc';
import { useLabStore } from '../stores/lab';

const INTERVAL_MS = 1000;
const KEPT_ENTRIES = 2000;

export interface AdapterPlace {
  readonly hostId: string;
  readonly adapterId: string;
}

export interface RequestLog {
  /** Oldest first. */
  readonly entries: ShallowRef<readonly RequestLogEntry[]>;
  /** Whether it was read at least once. */
  readonly isRead: ShallowRef<boolean>;
  readonly problem: ShallowRef<Problem | null>;
}

export function useRequestLog(place: () => AdapterPlace | null): RequestLog {
  const lab = useLabStore();
  const entries = shallowRef<readonly RequestLogEntry[]>([]);
  const isRead = shallowRef(false);
  const problem = shallowRef<Problem | null>(null);
  let latest = 0;

  async function read(): Promise<void> {
    const now = place();
    if (!now) return;
    latest += 1;
    const mine = latest;
    const after = entries.value[entries.value.length - 1]?.sequence;
    const question = { adapterId: now.adapterId, ...(after === undefined ? {} : { after }) };
    try {
      const answer = await callHost(now.hostId, 'read the request log', (host) =>
        host.requestLog(question),
      );
      if (mine !== latest) return;
      problem.value = null;
      isRead.value = true;
      if (answer.entries.length > 0)
        entries.value = [...entries.value, ...answer.entries].slice(-KEPT_ENTRIES);
    } catch (error) {
      if (mine === latest) problem.value = problemOf(error);
    }
  }

  const { pause, resume } = useIntervalFn(() => void read(), INTERVAL_MS);
  watch(
    () => {
      const now = place();
      return now ? `${now.hostId}/${now.adapterId}/${lab.processes.get(now.hostId)?.pid}` : '';
    },
    (key) => {
      latest += 1;
      entries.value = [];
      isRead.value = false;
      problem.value = null;
      if (key === '') pause();
      else {
        resume();
        void read();
      }
    },
    { immediate: true },
  );

  return { entries, isRead, problem };
}
