/** Every VM of the lab as a table and a detail panel show it: configuration, state, queue and rates together. */
import { computed, type ComputedRef } from 'vue';
import type { VmState } from '../../contract/host';
import type { VmConfig } from '../../contract/model';
import { queueWeight, type NoQueueReason } from '../../contract/vmq';
import { useHostsStore } from '../stores/hosts';
import { DEFAULT_HUE, useHuesStore, type Hue } from '../stores/hues';
import { useLabStore, type VmStatus } from '../stores/lab';
import { NIC, QUEUE } from '../telemetry/columns';
import { nicKey, queueKey } from '../telemetry/host-series';
import { seriesOf } from '../telemetry/telemetry';
import { dependOn, useTelemetryTick } from './useTelemetryTick';

export interface VmRates {
  readonly rxFrames: number;
  readonly txFrames: number;
  readonly rxBytes: number;
  readonly txBytes: number;
  /** At its port, and at its present queue. */
  readonly dropped: number;
}

export interface VmRow {
  readonly key: string;
  readonly vm: VmConfig;
  readonly state: VmState;
  readonly reason: string;
  readonly migrationId: string | null;
  /** What a mark says: its state, or that it moves or waits to. */
  readonly shownState: string;
  readonly hostName: string;
  /** Queue of the first NIC: -1 while the VM has none because it does not run. */
  readonly queueId: number;
  readonly queueReason: string;
  /** Its rule and what to do, when it has no queue. */
  readonly noQueue: NoQueueReason | null;
  /** How much it wants a queue when they are scarce. */
  readonly queueWeight: number;
  readonly hue: Hue;
  readonly rates: VmRates;
}

export function useVmRows(): ComputedRef<VmRow[]> {
  const lab = useLabStore();
  const hosts = useHostsStore();
  const hues = useHuesStore();
  const tick = useTelemetryTick();

  function rowOf(vm: VmConfig): VmRow {
    const status = lab.statuses.get(vm.id);
    const firstNic = vm.nics[0];
    const placed = firstNic && hosts.nicOn(vm.hostId, firstNic.id);
    const queueId = placed?.nic.queueId ?? -1;
    return {
      key: vm.id,
      vm,
      state: status?.state ?? 'stopped',
      reason: status?.reason ?? '',
      migrationId: status?.migrationId ?? null,
      shownState: shownStateOf(status),
      hostName: lab.hostName(vm.hostId),
      queueId,
      queueReason: placed?.nic.queueReason ?? '',
      noQueue: placed?.nic.noQueue ?? null,
      queueWeight: firstNic ? queueWeight(firstNic.queue) : 0,
      hue: queueId > 0 && firstNic ? hues.ofNic(firstNic.id) : DEFAULT_HUE,
      rates: ratesOf(vm, hosts),
    };
  }

  function shownStateOf(status: VmStatus | undefined): string {
    if (!status?.migrationId) return status?.state ?? 'stopped';
    const migration = lab.activeMigrations.find(
      ({ migrationId }) => migrationId === status.migrationId,
    );
    return migration?.outcome === 'queued' ? 'waiting-to-move' : 'migrating';
  }

  return computed(() => {
    dependOn(tick);
    return lab.vms.map(rowOf);
  });
}

function ratesOf(
  vm: VmConfig,
  { nicRowOn, nicOn: placedOn }: Pick<ReturnType<typeof useHostsStore>, 'nicRowOn' | 'nicOn'>,
): VmRates {
  const series = seriesOf(vm.hostId);
  const rows = vm.nics.flatMap((nic) => nicRowOn(vm.hostId, nic.id) ?? []);
  const queues = vm.nics.flatMap((nic) => placedOn(vm.hostId, nic.id)?.queue ?? []);
  /** Frames that found no receive buffer; the default queue's could be anybody's. */
  const atQueues = queues
    .filter((queue) => queue.queueId > 0)
    .map((queue) => series.latestValue(queueKey(queue.adapterIndex, queue.queueId), QUEUE.dropped))
    .reduce((total, dropped) => total + (dropped || 0), 0);
  const sum = (read: (key: string) => number): number =>
    rows.length === 0 ? Number.NaN : rows.reduce((total, row) => total + read(nicKey(row)), 0);
  return {
    rxFrames: sum((key) => series.latestRate(key, NIC.rxFrames)),
    txFrames: sum((key) => series.latestRate(key, NIC.txFrames)),
    rxBytes: sum((key) => series.latestRate(key, NIC.rxBytes)),
    txBytes: sum((key) => series.latestRate(key, NIC.txBytes)),
    dropped: sum((key) => series.latestValue(key, NIC.dropped)) + atQueues,
  };
}
