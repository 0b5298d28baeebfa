/** The snapshot of a host: everything that changes seldom, whole. Control thread. */
import { availableParallelism, cpus } from 'node:os';
import type { HostSnapshot, NicSnapshot, QueueSnapshot } from '../../contract/host';
import { adapterProfileOf, offeredQueues, queueWeight } from '../../contract/vmq';
import { capabilitiesSnapshot } from '../ndis/capability-fields';
import { formatAffinity } from '../ndis/group-affinity';
import type { NicPort } from '../switch/nic-port';
import type { HostAdapter } from './host-adapter';
import type { HostParts } from './host-parts';
import { pendingRequestOf } from './request-view';

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
      queueCount: offeredQueues(adapter.config),
      queuesUsed: adapter.ndis.enumQueues().length - 1,
      uplink: adapter.uplink,
      state: adapter.ndis.state,
      profile: adapterProfileOf(adapter.config),
      capabilities: capabilitiesSnapshot(adapter.ndis.capabilities),
      pendingRequest: pendingRequestOf(adapter),
    })),
    queues: adapters.flatMap((adapter) => queueSnapshots(adapter)),
    nics: [...vms.values()].flatMap((vm) => vm.ports.map((port) => nicSnapshot(parts, port))),
    vms: [...vms.values()].map((vm) => vm.snapshot()),
    links: parts.links.snapshots(),
    threads: threads
      .threads()
      .map(({ index, role, name, processor }) => ({ thread: index, role, name, processor })),
    transitions: parts.transitions.entries(),
  };
}

function queueSnapshots(adapter: HostAdapter): QueueSnapshot[] {
  return adapter.ndis.enumQueues().map((info): QueueSnapshot => {
    const { queueId, exactState } = info;
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
      affinity: formatAffinity(info.processorAffinity),
      msixTableEntry: info.msixTableEntry,
      interruptCoalescingDomainId: info.interruptCoalescingDomainId,
    };
  });
}

function nicSnapshot(parts: HostParts, port: NicPort): NicSnapshot {
  const { index, vmId, config } = port;
  const adapter = parts.adapters.find((candidate) => candidate.config.name === config.adapter);
  const noQueue = adapter?.switch.noQueueReasonOf(index) ?? null;
  return {
    index,
    nicId: config.id,
    vmId,
    adapterId: adapter?.config.id ?? '',
    queueId: adapter?.switch.servingQueueOf(index) ?? 0,
    queueReason: noQueue ? `${noQueue.text} ${noQueue.remedy}` : '',
    queueWeight: queueWeight(config.queue),
    noQueue,
  };
}
