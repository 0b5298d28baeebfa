/** What a receive queue has counted so far of the latency of its frames. Control thread. */
import type { QueueLatencyReading } from '../../contract/latency';
import { RefusalError } from '../../shared/refusal-error';
import { NANOSECONDS_PER_MICROSECOND } from '../../shared/units';
import type { HostAdapter } from './host-adapter';

/** @throws RefusalError `not-found` for a queue that does not exist, or no longer. */
export function queueLatency(adapter: HostAdapter, queueId: number): QueueLatencyReading {
  const { hardware, miniport, config } = adapter;
  const block = queueId === 0 ? hardware.defaultQueue : miniport.blockOf(queueId);
  if (!block)
    throw new RefusalError({
      code: 'not-found',
      what: `The latency of queue ${queueId} of ${config.name} cannot be read.`,
      why: 'No queue has that id now.',
      remedy: 'Choose a queue of the list.',
      field: 'queueId',
    });
  const { buckets, longestNs } = block.latency();
  const { frames, indications, interrupts } = block.counters();
  return {
    atMs: performance.now(),
    buckets: [...buckets],
    longestMicroseconds: longestNs / NANOSECONDS_PER_MICROSECOND,
    frames,
    indications,
    interrupts,
  };
}
