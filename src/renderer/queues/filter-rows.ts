/** Receive filters as rows of a table. */
import type { QueueSnapshot } from '../../contract/host';

/** What must be known of a queue to list its filters. */
export interface FilteredQueue {
  readonly key: string;
  readonly hostName: string;
  readonly label: string;
  readonly queue: Pick<QueueSnapshot, 'vmName' | 'filters'>;
}

export interface FilterRow<Queue extends FilteredQueue> {
  readonly key: string;
  readonly filter: QueueSnapshot['filters'][number];
  readonly queue: Queue;
  readonly vlan: string;
  readonly vmName: string;
}

/** Filters of the queues, in their order; with words, only those that have each of them somewhere. */
export function filterRows<Queue extends FilteredQueue>(
  queues: readonly Queue[],
  words: string,
): FilterRow<Queue>[] {
  const asked = words.toLowerCase().split(/\s+/).filter(Boolean);
  return queues
    .flatMap((queue) =>
      queue.queue.filters.map((filter) => ({
        key: `${queue.key}/${filter.filterId}`,
        filter,
        queue,
        vlan: filter.vlan === null ? 'untagged' : String(filter.vlan),
        vmName: queue.queue.vmName ?? '–',
      })),
    )
    .filter((row) => {
      const { mac } = row.filter;
      const { hostName, label } = row.queue;
      const text = [mac, `vlan${row.vlan}`, row.vlan, row.vmName, hostName, label].join(' ');
      return asked.every((word) => text.toLowerCase().includes(word));
    });
}
