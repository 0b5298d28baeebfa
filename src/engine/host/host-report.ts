/** The report of a host: every figure counted in frames and bytes. Control thread. */
import type { HostReport } from '../../contract/report';
import { DROP_REASONS } from '../../contract/drop-reasons';
import { CT_FLOODED, CT_FORWARDED, DROP_NO_RECEIVE_BUFFER, T_ADAPTER } from '../kernel/layout';
import { conservation, sumCounter, sumDrops } from './counters';
import type { HostAdapter } from './host-adapter';
import { heldFrames } from './held-frames';
import type { HostParts } from './host-parts';
import type { VmPower } from './vm-power';
import type { QueueCounters, QueueLatency } from '../adapter/queue-block';
import type { NicConfig } from '../../contract/model';
import { queueWeight } from '../../contract/vmq';
import { summariseLatency } from '../../shared/latency-histogram';

export function hostReport(parts: HostParts, power: VmPower): HostReport {
  const { config, memory, threads, adapters } = parts;
  return {
    hostId: config.id,
    name: config.name,
    queues: adapters.flatMap(queueReports),
    vms: [...power.knownVms()].map(([vmId, name]) => {
      const totals = power.totals(vmId);
      return {
        vmId,
        name,
        framesDelivered: totals.rxFrames,
        bytesDelivered: totals.rxBytes,
        framesSent: totals.txFrames,
        bytesSent: totals.txBytes,
        nics: nicReports(parts, vmId),
        ...stampsOf(parts, vmId),
      };
    }),
    switches: adapters.map((adapter) => switchReport(parts, adapter)),
    links: parts.links.reports(),
    conservation: conservation(memory, [...threads.blocks(), parts.ownBlock], heldFrames(parts)),
  };
}

type QueueReport = HostReport['queues'][number];

function queueReports(adapter: HostAdapter): QueueReport[] {
  const live = adapter.ndis.enumQueues().flatMap(({ queueId }): QueueReport[] => {
    const block = queueId === 0 ? adapter.hardware.defaultQueue : adapter.miniport.blockOf(queueId);
    const port = adapter.switch.portOfQueue(queueId);
    return block
      ? [
          queueReport(
            adapter,
            queueId,
            { ...block.counters(), latency: block.latency() },
            { vm: port?.vmName ?? null, nic: port?.config, live: true },
          ),
        ]
      : [];
  });
  const former = adapter
    .formerQueues()
    .map((queue) =>
      queueReport(adapter, queue.queueId, queue, { vm: queue.vmName, nic: queue.nic, live: false }),
    );
  return [...live, ...former];
}

function queueReport(
  adapter: HostAdapter,
  queueId: number,
  figures: QueueCounters & { readonly latency: QueueLatency },
  owner: { vm: string | null; nic: NicConfig | undefined; live: boolean },
): QueueReport {
  const { frames, bytes, indications, interrupts, dropped, latency } = figures;
  return {
    adapter: adapter.config.name,
    queueId,
    vm: owner.vm,
    macs: owner.nic ? [...owner.nic.macs] : [],
    vlan: owner.nic?.vlan ?? null,
    live: owner.live,
    frames,
    bytes,
    indications,
    interrupts,
    dropped: dropped > 0 ? { [DROP_REASONS[DROP_NO_RECEIVE_BUFFER].code]: dropped } : {},
    latency: summariseLatency(latency.buckets, latency.longestNs),
    latencyBuckets: latency.buckets,
  };
}

/** What a guest with `stamps` found so far. */
function stampsOf({ vms }: HostParts, vmId: string): Pick<HostReport['vms'][number], 'stamps'> {
  const stamps = vms.get(vmId)?.stampCheck();
  return stamps === undefined ? {} : { stamps };
}

/** Its NICs as they are now. */
function nicReports(parts: HostParts, vmId: string): HostReport['vms'][number]['nics'] {
  const { adapters, vms } = parts;
  return (vms.get(vmId)?.ports ?? []).flatMap(({ index, config }) => {
    const adapter = adapters.find((candidate) => candidate.config.name === config.adapter);
    if (!adapter) return [];
    return [
      {
        nicId: config.id,
        adapter: config.adapter,
        queueId: adapter.switch.servingQueueOf(index),
        queueWeight: queueWeight(config.queue),
        noQueue: adapter.switch.noQueueReasonOf(index),
      },
    ];
  });
}

function switchReport(parts: HostParts, adapter: HostAdapter): HostReport['switches'][number] {
  const { memory, threads } = parts;
  const blocks = threads
    .blocks()
    .filter((block) => memory.getU32(block + T_ADAPTER) === adapter.hardware.block);
  return {
    adapter: adapter.config.name,
    forwarded: sumCounter(memory, blocks, CT_FORWARDED),
    flooded: sumCounter(memory, blocks, CT_FLOODED),
    dropped: sumDrops(memory, blocks),
    learnedMacs: adapter.learnedMacs,
  };
}
