/** Why a NIC has no queue of its own, in words: the rule, and what to do. */
export type NoQueueReason =
  | { readonly rule: 'asked-for-none' }
  | { readonly rule: 'vmq-off' }
  | { readonly rule: 'all-taken'; readonly queueCount: number }
  | { readonly rule: 'filter-cleared' }
  | { readonly rule: 'thread-lost' }
  | { readonly rule: 'migrating' }
  | { readonly rule: 'refused'; readonly message: string };

export function reasonText(
  reason: NoQueueReason | undefined,
  nic: string,
  adapter: string,
): string {
  switch (reason?.rule) {
    case undefined:
      return '';
    case 'asked-for-none':
      return `${nic} has no queue: its queue request is none. Choose “automatic” to give it one.`;
    case 'vmq-off':
      return `${nic} has no queue: VMQ is off on ${adapter}. Switch VMQ on to give each VM its own queue.`;
    case 'all-taken':
      return `${nic} has no queue: all ${reason.queueCount} queues of ${adapter} are taken. It gets the next one that is freed.`;
    case 'filter-cleared':
      return `${nic} uses the default queue: its receive filters were cleared. Set them again to give it back its queue.`;
    case 'thread-lost':
      return `${nic} is on the default queue while its queue's thread is replaced.`;
    case 'migrating':
      return `${nic} is on the default queue: its VM is being moved.`;
    case 'refused':
      return `${nic} has no queue: ${reason.message}`;
  }
}
