/** Mirror of each host's snapshot, and the state of the page's connection to it. */
import { acceptHMRUpdate, defineStore } from 'pinia';
import { computed, shallowRef } from 'vue';
import type { HostSnapshot, NicSnapshot, QueueSnapshot, VmSnapshot } from '../../contract/host';
import type { ConnectionStatus } from '../rpc';
import { queueKey } from '../telemetry/host-series';

/** A VM's NIC where it lives now. */
export interface PlacedNic {
  readonly hostId: string;
  readonly nic: NicSnapshot;
  /** The queue that serves it; undefined while the snapshots disagree. */
  readonly queue: QueueSnapshot | undefined;
}

/** A NIC's time with a queue, until the next tenancy of the same queue begins. */
export interface Tenancy {
  readonly queue: QueueSnapshot;
  readonly fromMs: number;
}

const KEPT_TENANCIES = 50;

export const useHostsStore = defineStore('hosts', () => {
  const snapshots = shallowRef<ReadonlyMap<string, HostSnapshot>>(new Map());
  const connections = shallowRef<ReadonlyMap<string, ConnectionStatus>>(new Map());
  /** Telemetry row of each NIC on each host, kept after the NIC has left: charts still show its past. */
  const nicRows = new Map<string, number>();

  const tenancies = new Map<string, Tenancy[]>();

  const nics = computed(() => {
    const placed = new Map<string, PlacedNic[]>();
    for (const [hostId, host] of snapshots.value) {
      for (const nic of host.nics) {
        const queue = host.queues.find(
          (candidate) => candidate.adapterId === nic.adapterId && candidate.queueId === nic.queueId,
        );
        placed.set(nic.nicId, [...(placed.get(nic.nicId) ?? []), { hostId, nic, queue }]);
      }
    }
    return placed;
  });

  function accept(hostId: string, snapshot: HostSnapshot): void {
    for (const nic of snapshot.nics) nicRows.set(`${hostId}/${nic.nicId}`, nic.index);
    for (const queue of snapshot.queues) noteTenant(hostId, queue);
    snapshots.value = new Map(snapshots.value).set(hostId, snapshot);
  }

  function noteTenant(hostId: string, queue: QueueSnapshot): void {
    const key = `${hostId}/${queueKey(queue.adapterIndex, queue.queueId)}`;
    const known = tenancies.get(key) ?? [];
    if (known[known.length - 1]?.queue.nicId === queue.nicId) return;
    tenancies.set(key, [...known, { queue, fromMs: Date.now() }].slice(-KEPT_TENANCIES));
  }

  function acceptConnection(hostId: string, status: ConnectionStatus): void {
    connections.value = new Map(connections.value).set(hostId, status);
  }

  /** Removes what is known of a host that has no process now. */
  function forget(hostId: string): void {
    const remaining = new Map(snapshots.value);
    remaining.delete(hostId);
    snapshots.value = remaining;
  }

  const snapshotOf = (hostId: string): HostSnapshot | undefined => snapshots.value.get(hostId);
  const nicOn = (hostId: string, nicId: string): PlacedNic | undefined =>
    nics.value.get(nicId)?.find((placed) => placed.hostId === hostId);
  const vmOn = (hostId: string, vmId: string): VmSnapshot | undefined =>
    snapshots.value.get(hostId)?.vms.find((vm) => vm.vmId === vmId);
  const nicRowOn = (hostId: string, nicId: string): number | undefined =>
    nicRows.get(`${hostId}/${nicId}`);

  /** Who had the queue of a telemetry row, oldest first. */
  const tenanciesOf = (hostId: string, key: string): readonly Tenancy[] =>
    tenancies.get(`${hostId}/${key}`) ?? [];

  return {
    tenanciesOf,
    snapshots,
    connections,
    nics,
    accept,
    acceptConnection,
    forget,
    snapshotOf,
    nicOn,
    vmOn,
    nicRowOn,
  };
});

if (import.meta.hot) import.meta.hot.accept(acceptHMRUpdate(useHostsStore, import.meta.hot));
