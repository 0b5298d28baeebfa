/** What the threads of one adapter have moved and taken: the meter of an experiment. Control thread. */
import type { AdapterMeter } from '../../contract/experiment';
import {
  CT_POLL_NS,
  CT_RECEIVE_COPIES,
  CT_TO_VMS,
  CT_WORK_NS,
  T_ADAPTER,
  T_COUNTERS,
} from '../kernel/layout';
import type { EngineThread } from '../thread/engine-thread';
import { lostFrames, sumCounter, sumDrops } from './counters';
import type { HostAdapter } from './host-adapter';
import type { HostParts } from './host-parts';
import { systemCpuNs } from './system-cpu';

/**
 * Counters of the adapter's thread and of every thread that serves its queues or did so last: a
 * parked thread keeps its counters, so that they only rise.
 */
export function adapterMeter(parts: HostParts, adapter: HostAdapter): AdapterMeter {
  const { memory, threads, clock } = parts;
  const { block, thread: hardwareThread, defaultQueue } = adapter.hardware;
  const own = threads
    .threads()
    .filter(
      (thread) => thread === hardwareThread || memory.getU32(thread.thread + T_ADAPTER) === block,
    );
  return {
    atNs: clock(),
    queuesUsed: adapter.ndis.enumQueues().length - 1,
    threads: own.map((thread) => threadMeter(parts, thread)),
    queues: adapter.ndis.enumQueues().flatMap(({ queueId }) => {
      const queue = queueId === 0 ? defaultQueue : adapter.miniport.blockOf(queueId);
      return queue ? [{ queueId, latencyBuckets: queue.latency().buckets }] : [];
    }),
  };
}

function threadMeter(
  { memory }: HostParts,
  { index, role, thread, threadId }: EngineThread,
): AdapterMeter['threads'][number] {
  const time = (counter: number): number => memory.getF64(thread + T_COUNTERS + counter * 8);
  return {
    thread: index,
    role,
    systemCpuNs: systemCpuNs(threadId),
    turnNs: time(CT_WORK_NS) + time(CT_POLL_NS),
    delivered: sumCounter(memory, [thread], CT_TO_VMS),
    receiveCopies: sumCounter(memory, [thread], CT_RECEIVE_COPIES),
    lost: lostFrames(sumDrops(memory, [thread])),
  };
}
