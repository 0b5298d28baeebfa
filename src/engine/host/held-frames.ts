/** Frames that are in rings and hold lists of a host now: counted there, not derived. Control thread. */
import { ringFill } from '../thread/rings';
import type { HostParts } from './host-parts';

export function heldFrames(parts: HostParts): number {
  const { memory, threads, adapters, vms } = parts;
  let held = 0;
  for (const adapter of adapters) {
    for (const { queueId } of adapter.ndis.enumQueues()) {
      held +=
        (queueId === 0
          ? adapter.hardware.defaultQueue
          : adapter.miniport.blockOf(queueId)
        )?.pendingFrames() ?? 0;
    }
  }
  for (let consumer = 0; consumer < threads.blocks().length; consumer++) {
    for (const ring of threads.ringsInto(consumer)) held += ringFill(memory, ring);
  }
  for (const vm of vms.values()) for (const port of vm.ports) held += port.heldFrames();
  return held;
}
