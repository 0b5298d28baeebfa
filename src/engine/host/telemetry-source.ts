/** What a telemetry sample of a host is made of: its threads, queues, NICs and counter blocks now. Control thread. */
import type { NicPort } from '../switch/nic-port';
import { heldFrames } from './held-frames';
import type { HostAdapter } from './host-adapter';
import type { HostParts } from './host-parts';
import type { TelemetrySource } from './telemetry';

export function telemetrySource(parts: HostParts): TelemetrySource {
  const { threads, adapters, vms } = parts;
  const adapterOf = (port: NicPort): HostAdapter | undefined =>
    adapters.find(({ config }) => config.name === port.config.adapter);
  const queues = adapters.flatMap((adapter) => [
    {
      adapter: adapter.index,
      block: adapter.hardware.defaultQueue,
      thread: adapter.hardware.defaultThread,
    },
    ...adapter.ndis.enumQueues().flatMap(({ queueId }) => {
      const block = adapter.miniport.blockOf(queueId);
      const thread = adapter.miniport.threadOf(queueId);
      return block && thread ? [{ adapter: adapter.index, block, thread }] : [];
    }),
  ]);
  return {
    threads: threads.threads().map((thread) => {
      const queue = queues.find((candidate) => candidate.thread === thread);
      const adapter = adapters.find((candidate) => candidate.hardware.thread === thread);
      return {
        thread,
        adapter: queue?.adapter ?? adapter?.index ?? -1,
        queueId: queue?.block.queueId ?? -1,
      };
    }),
    queues,
    nics: [...vms.values()].flatMap((vm) =>
      vm.ports.map((port) => ({
        port,
        onQueue: (adapterOf(port)?.switch.queueOf(port.index)?.filterIds.length ?? 0) > 0,
      })),
    ),
    blocks: [...threads.blocks(), parts.ownBlock],
    heldFrames: heldFrames(parts),
  };
}
