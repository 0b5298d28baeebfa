/** The snapshot of a host: everything that changes seldom, whole. Control thread. */
import { availableParallelism, cpus } from 'node:os';
import type { HostSnapshot, NicSnapshot, QueueSnapshot } from '../../contract/host';
import type { HostAdapter } from './host-adapter';
import type { HostParts } from './host-parts';

export function hostSnapshot(parts: HostParts, revision: number): HostSnapshot {
  const { config, memory, threads, adapters, vms } = parts;
  const reason =
    threads.threads().find((thread) => thread.affinityReason !== '')?.affinityReason ?? '';
  return {
    hostId: config.id,
    name: config.name,
    revision,
    processors: Math.max(cpus().length, availableParallelism()),
    affinity: { available: reason === '', reason },
    memory: { totalBytes: memory.totalBytes, usedBytes: memory.usedBytes },
    adapters: adapters.map((adapter) => ({
      id: adapter.config.id,
      index: adapter.index,
      name: adapter.config.name,
      vmqEnabled: adapter.config.vmqEnabled,
      bufferMode: adapter.config.bufferMode,
      moderationMicroseconds: adapter.config.moderationMicroseconds,
      queueCount: adapter.config.queueCount,
      queuesUsed: adapter.ndis.enumQueues().length - 1,
      uplink: adapter.uplink,
    })),
    queues: adapters.flatMap((adapter) => queueSnapshots(adapter)),
    nics: [...vms.values()].flatMap((vm) =>
      vm.ports.map((port) =>
        nicSnapshot(parts, port.index, port.config.adapter, port.config.id, port.vmId),
      ),
    ),
    vms: [...vms.values()].map((vm) => vm.snapshot()),
    links: parts.links.snapshots(),
    threads: threads
      .threads()
      .map(({ index, role, name, processor }) => ({ thread: index, role, name, processor })),
  };
}

function queueSnapshots(adapter: HostAdapter): QueueSnapshot[] {
  return adapter.ndis.enumQueues().map(({ queueId, exactState }): QueueSnapshot => {
    const thread =
      queueId === 0 ? adapter.hardware.defaultThread : adapter.miniport.threadOf(queueId);
    const mode = queueId === 0 ? 'host-buffers' : adapter.miniport.modeOf(queueId);
    const port = adapter.switch.portOfQueue(queueId);
    return {
      adapterId: adapter.config.id,
      adapterIndex: adapter.index,
      queueId,
      state: exactState,
      processor: thread?.processor ?? -1,
      thread: thread?.index ?? -1,
      vmId: port?.vmId ?? null,
      vmName: port?.vmName ?? null,
      nicId: port?.config.id ?? null,
      vlan: port?.config.vlan ?? null,
      bufferMode: mode ?? 'host-buffers',
      bufferModeReason: adapter.switch.bufferModeReason(queueId, mode),
      filters: adapter.ndis.filters(queueId).map((filter) => ({
        filterId: filter.filterId,
        mac: filter.mac,
        vlan: typeof filter.vlan === 'number' ? filter.vlan : null,
      })),
    };
  });
}

function nicSnapshot(
  parts: HostParts,
  index: number,
  adapterName: string,
  nicId: string,
  vmId: string,
): NicSnapshot {
  const adapter = parts.adapters.find((candidate) => candidate.config.name === adapterName);
  const queue = adapter?.switch.queueOf(index);
  return {
    index,
    nicId,
    vmId,
    adapterId: adapter?.config.id ?? '',
    queueId: queue && queue.filterIds.length > 0 ? queue.queueId : 0,
    queueReason: adapter?.switch.reasonOf(index) ?? '',
  };
}
