/** Every VM of the lab as a table and a detail panel show it: configuration, state, queue and rates together. */
import { computed, type ComputedRef } from 'vue';
import type { VmState } from '../../contract/host';
import type { VmConfig } from '../../contract/model';
import { useHostsStore } from '../stores/hosts';
import { DEFAULT_HUE, useHuesStore, type Hue } from '../stores/hues';
import { useLabStore } from '../stores/lab';
import { NIC } from '../telemetry/columns';
import { nicKey } from '../telemetry/host-series';
import { seriesOf } from '../telemetry/telemetry';
import { dependOn, useTelemetryTick } from './useTelemetryTick';

export interface VmRates {
  readonly rxFrames: number;
  readonly txFrames: number;
  readonly rxBytes: number;
  readonly txBytes: number;
  /** Since the host started. */
  readonly dropped: number;
}

export interface VmRow {
  readonly key: string;
  readonly vm: VmConfig;
  readonly state: VmState;
  readonly reason: string;
  readonly migrationId: string | null;
  readonly hostName: string;
  /** Queue of the first NIC: -1 while the VM has none because it does not run. */
  readonly queueId: number;
  readonly queueReason: string;
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
      hostName: lab.hostName(vm.hostId),
      queueId,
      queueReason: placed?.nic.queueReason ?? '',
      hue: queueId > 0 && firstNic ? hues.ofNic(firstNic.id) : DEFAULT_HUE,
      rates: ratesOf(vm, hosts.nicRowOn),
    };
  }

  return computed(() => {
    dependOn(tick);
    return lab.vms.map(rowOf);
  });
}

function ratesOf(
  vm: VmConfig,
  nicRowOn: (hostId: string, nicId: string) => number | undefined,
): VmRates {
  const series = seriesOf(vm.hostId);
  const rows = vm.nics.flatMap((nic) => nicRowOn(vm.hostId, nic.id) ?? []);
  const sum = (read: (key: string) => number): number =>
    rows.length === 0 ? Number.NaN : rows.reduce((total, row) => total + read(nicKey(row)), 0);
  return {
    rxFrames: sum((key) => series.latestRate(key, NIC.rxFrames)),
    txFrames: sum((key) => series.latestRate(key, NIC.txFrames)),
    rxBytes: sum((key) => series.latestRate(key, NIC.rxBytes)),
    txBytes: sum((key) => series.latestRate(key, NIC.txBytes)),
    dropped: sum((key) => series.latestValue(key, NIC.dropped)),
  };
}
