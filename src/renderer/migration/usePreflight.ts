/**
 * Pre-flight of the chosen VMs, asked of the lab: at once when they change, again when something in the lab changes that
 * it may depend on, and when the reader asks.
 */
import { computed, shallowRef, watch, type ComputedRef, type ShallowRef } from 'vue';
import type { PreflightTarget } from '../../contract/lab';
import { problemOf, type Problem } from '../rpc';
import { useHostsStore } from '../stores/hosts';
import { useLabStore } from '../stores/lab';
import { targetsOf, type Target } from './preflight';

export interface Preflight {
  /** Empty while it is not known for all VMs. */
  readonly targets: ComputedRef<readonly Target[]>;
  readonly results: ShallowRef<ReadonlyMap<string, readonly PreflightTarget[]>>;
  readonly isChecking: ShallowRef<boolean>;
  readonly problem: ShallowRef<Problem | null>;
  check: () => Promise<void>;
}

export function usePreflight(vmIds: () => readonly string[]): Preflight {
  const lab = useLabStore();
  const hosts = useHostsStore();
  const results = shallowRef<ReadonlyMap<string, readonly PreflightTarget[]>>(new Map());
  const isChecking = shallowRef(false);
  const problem = shallowRef<Problem | null>(null);
  let latest = 0;

  const freeBytesOf = (hostId: string): number => {
    const memory = hosts.snapshotOf(hostId)?.memory;
    return memory ? memory.totalBytes - memory.usedBytes : Number.NaN;
  };

  async function check(): Promise<void> {
    latest += 1;
    const mine = latest;
    isChecking.value = true;
    try {
      const ids = vmIds();
      const found = await Promise.all(ids.map((id) => lab.preflight(id)));
      if (mine !== latest) return;
      problem.value = null;
      results.value = new Map(ids.map((id, index) => [id, found[index] ?? []]));
    } catch (error) {
      if (mine === latest) problem.value = problemOf(error);
    } finally {
      if (mine === latest) isChecking.value = false;
    }
  }

  /** What a result may depend on, as one text: a snapshot that changes nothing of it asks nothing. */
  const circumstances = computed(() =>
    JSON.stringify([
      vmIds(),
      lab.hosts,
      lab.vms,
      [...lab.processes.values()].map(({ state }) => state),
      [...lab.statuses.values()].map(({ state, migrationId }) => [state, migrationId]),
      lab.hosts.map(({ id }) => [freeBytesOf(id), hosts.snapshotOf(id)?.adapters]),
    ]),
  );
  watch(circumstances, () => void check(), { immediate: true });

  const targets = computed(() => {
    const checked = vmIds().flatMap((id) => {
      const vm = lab.vmsById.get(id);
      return vm ? [{ vm, targets: results.value.get(id) }] : [];
    });
    return targetsOf(checked, lab.hosts, freeBytesOf);
  });

  return { targets, results, isChecking, problem, check };
}
