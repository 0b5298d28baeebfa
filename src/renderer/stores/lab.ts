/** Mirror of the lab's snapshot, and its commands. Nothing is invented here: a command changes the engine, the next snapshot shows it. */
import { acceptHMRUpdate, defineStore } from 'pinia';
import { computed, shallowRef } from 'vue';
import type {
  LabSnapshot,
  MigrationFault,
  MigrationSnapshot,
  PreflightTarget,
  VmDraft,
} from '../../contract/lab';
import type { ExperimentOptions, ExperimentSnapshot } from '../../contract/experiment';
import type { MigrationLimits, MigrationOptions } from '../../contract/migration';
import type { AdapterEvent } from '../../contract/vmq';
import type { AdapterConfig, HostConfig, LinkConfig, VmConfig } from '../../contract/model';
import { callLab } from '../rpc';

export type HostProcess = LabSnapshot['hosts'][number];
export type VmStatus = LabSnapshot['vms'][number];

/** Options that are left out take their defaults. */
export interface MigrationRequest {
  readonly vmId: string;
  readonly targetHostId: string;
  readonly options: Partial<MigrationOptions>;
  readonly fault?: MigrationFault;
}

export const useLabStore = defineStore('lab', () => {
  const snapshot = shallowRef<LabSnapshot | null>(null);

  const isLoaded = computed(() => snapshot.value !== null);
  const name = computed(() => snapshot.value?.config.name ?? '');
  const hosts = computed<readonly HostConfig[]>(() => snapshot.value?.config.hosts ?? []);
  const vms = computed<readonly VmConfig[]>(() => snapshot.value?.config.vms ?? []);
  const links = computed<readonly LinkConfig[]>(() => snapshot.value?.config.links ?? []);
  const isEmpty = computed(
    () => isLoaded.value && hosts.value.length === 0 && vms.value.length === 0,
  );
  const migrations = computed<readonly MigrationSnapshot[]>(() => snapshot.value?.migrations ?? []);
  /** Those that wait or run, in the order in which they were asked for. */
  const activeMigrations = computed(() =>
    migrations.value
      .filter(({ outcome }) => outcome === 'running' || outcome === 'queued')
      .reverse(),
  );
  const experiments = computed<readonly ExperimentSnapshot[]>(
    () => snapshot.value?.experiments ?? [],
  );
  const notices = computed(() => snapshot.value?.notices ?? []);
  const fabric = computed(() => snapshot.value?.fabric ?? null);
  const processes = computed(
    () => new Map((snapshot.value?.hosts ?? []).map((host) => [host.hostId, host])),
  );
  const statuses = computed(() => new Map((snapshot.value?.vms ?? []).map((vm) => [vm.vmId, vm])));
  const vmsById = computed(() => new Map(vms.value.map((vm) => [vm.id, vm])));
  const hostsById = computed(() => new Map(hosts.value.map((host) => [host.id, host])));

  /** Takes a snapshot from the lab; an older one than shown is left aside. */
  function accept(next: LabSnapshot): void {
    snapshot.value = next;
  }

  /** The latest experiment on an adapter. */
  const experimentOf = (hostId: string, adapterId: string): ExperimentSnapshot | undefined =>
    experiments.value.find(
      (experiment) => experiment.hostId === hostId && experiment.adapterId === adapterId,
    );
  const hostName = (hostId: string): string => hostsById.value.get(hostId)?.name ?? hostId;

  return {
    snapshot,
    isLoaded,
    name,
    hosts,
    vms,
    links,
    isEmpty,
    migrations,
    activeMigrations,
    experiments,
    experimentOf,
    notices,
    fabric,
    processes,
    statuses,
    vmsById,
    hostsById,
    accept,
    hostName,
    openSampleLab: () => callLab('open the sample lab', (lab) => lab.openSampleLab()),
    clearLab: () => callLab('clear the lab', (lab) => lab.clearLab()),
    adapterProfiles: () => callLab('list the adapter profiles', (lab) => lab.adapterProfiles()),
    createHost: (input: {
      name: string;
      memoryMiB?: number;
      queueCount?: number;
      profile?: string;
    }) => callLab('create a host', (lab) => lab.createHost(input)),
    deleteHost: (hostId: string) => callLab('delete the host', (lab) => lab.deleteHost({ hostId })),
    restartHost: (hostId: string) =>
      callLab('restart the host', (lab) => lab.restartHost({ hostId })),
    setAdapter: (hostId: string, adapter: AdapterConfig) =>
      callLab('change the adapter', (lab) => lab.setAdapter({ hostId, adapter })),
    /** Lets something happen to an adapter, as it happens to hardware. */
    adapterEvent: (hostId: string, adapterId: string, event: AdapterEvent) =>
      callLab('change the adapter', (lab) => lab.adapterEvent({ hostId, adapterId, event })),
    createVm: (draft: VmDraft) => callLab('create the VM', (lab) => lab.createVm(draft)),
    updateVm: (vm: VmConfig) => callLab('change the VM', (lab) => lab.updateVm(vm)),
    deleteVm: (vmId: string) => callLab('delete the VM', (lab) => lab.deleteVm({ vmId })),
    startVm: (vmId: string) => callLab('start the VM', (lab) => lab.startVm({ vmId })),
    stopVm: (vmId: string) => callLab('stop the VM', (lab) => lab.stopVm({ vmId })),
    suggestMac: () => callLab('suggest a MAC address', (lab) => lab.suggestMac()),
    startLink: (linkId: string) => callLab('start the traffic', (lab) => lab.startLink({ linkId })),
    stopLink: (linkId: string) => callLab('stop the traffic', (lab) => lab.stopLink({ linkId })),
    removeLink: (linkId: string) =>
      callLab('remove the traffic', (lab) => lab.removeLink({ linkId })),
    /** What speaks for and against each host but the VM's own. */
    preflight: async (vmId: string): Promise<readonly PreflightTarget[]> => {
      const { targets } = await callLab('check the targets', (lab) => lab.preflight({ vmId }));
      return targets;
    },
    migrate: (request: MigrationRequest) =>
      callLab('migrate the VM', (lab) => lab.migrate(request)),
    evacuateHost: (hostId: string, options: Partial<MigrationOptions>) =>
      callLab('evacuate the host', (lab) => lab.evacuateHost({ hostId, options })),
    setMigrationLimits: (migrationId: string, limits: Partial<MigrationLimits>) =>
      callLab('change the limits', (lab) => lab.setMigrationLimits({ migrationId, ...limits })),
    injectFault: (migrationId: string, fault: MigrationFault) =>
      callLab('inject the fault', (lab) => lab.injectFault({ migrationId, fault })),
    cancelMigration: (migrationId: string) =>
      callLab('cancel the migration', (lab) => lab.cancelMigration({ migrationId })),
    startExperiment: (hostId: string, adapterId: string, options: ExperimentOptions) =>
      callLab('compare the modes', (lab) => lab.startExperiment({ hostId, adapterId, options })),
    cancelExperiment: (experimentId: string) =>
      callLab('cancel the comparison', (lab) => lab.cancelExperiment({ experimentId })),
    dismissNotice: (id: string) =>
      callLab('dismiss the notice', (lab) => lab.dismissNotice({ id })),
  };
});

if (import.meta.hot) import.meta.hot.accept(acceptHMRUpdate(useLabStore, import.meta.hot));
