/** Why a NIC has no queue of its own, in words: what is the case, by which rule, and what to do. */
import { VMQ_LINK_SPEED_GBPS, type NoQueueReason } from '../../contract/vmq';

/** What stands in the way of a queue, with the numbers behind it. */
export type QueueObstacle =
  | { readonly rule: 'asked-for-none' }
  | { readonly rule: 'vmq-off' }
  | { readonly rule: 'slow-link'; readonly linkSpeedGbps: number }
  | ScarceQueues
  | { readonly rule: 'filters-taken'; readonly needed: number; readonly filterCount: number }
  | { readonly rule: 'no-vlan-filtering'; readonly vlanId: number }
  | { readonly rule: 'filter-cleared' }
  | { readonly rule: 'thread-lost' }
  | { readonly rule: 'migrating' }
  | { readonly rule: 'port-down' }
  | { readonly rule: 'adapter-down'; readonly state: string }
  | { readonly rule: 'refused'; readonly message: string };

/** All queues have others. */
export interface ScarceQueues {
  /** `taken-by-heavier`: it had one, and gave it to a heavier NIC. */
  readonly rule: 'all-taken' | 'taken-by-heavier';
  readonly queueCount: number;
  readonly weight: number;
  /** The lightest NIC that has a queue. */
  readonly lightest: { readonly name: string; readonly weight: number };
}

/** The reason as it is shown. @param nic what a reader calls the NIC. */
export function explainNoQueue(
  obstacle: QueueObstacle,
  nic: string,
  adapter: string,
): NoQueueReason {
  const { rule } = obstacle;
  const because = (why: string, remedy: string): NoQueueReason => ({
    rule,
    text: `${nic} has no queue: ${why}`,
    remedy,
  });
  const meanwhile = (why: string, remedy: string): NoQueueReason => ({
    rule,
    text: `${nic} uses the default queue: ${why}`,
    remedy,
  });
  switch (obstacle.rule) {
    case 'asked-for-none':
      return because(
        'it asks for none (queue request “none”, or weight 0).',
        'Choose “automatic” with a weight from 1 to 100.',
      );
    case 'vmq-off':
      return because(
        `VMQ is off on ${adapter}.`,
        `Switch VMQ on for ${adapter} to give each VM its own queue.`,
      );
    case 'slow-link':
      return because(
        `the link of ${adapter} has ${obstacle.linkSpeedGbps} Gbit/s, and a switch keeps VMQ off below ${VMQ_LINK_SPEED_GBPS} Gbit/s.`,
        `Allow VMQ below ${VMQ_LINK_SPEED_GBPS} Gbit/s on ${adapter}, or connect the VM to a faster adapter.`,
      );
    case 'all-taken':
    case 'taken-by-heavier':
      return because(scarcity(obstacle, adapter), scarcityRemedy(obstacle, adapter));
    case 'filters-taken':
      return because(
        `it needs ${obstacle.needed} receive filter(s), one for each MAC address, and too few of the ${obstacle.filterCount} filters of ${adapter} are free.`,
        'Use fewer MAC addresses, stop another VM, or choose an adapter with more filters.',
      );
    case 'no-vlan-filtering':
      return because(
        `its port is in VLAN ${obstacle.vlanId}, and ${adapter} (NDIS 6.20) cannot filter by VLAN.`,
        'Use an untagged port, or an adapter with VLAN filtering.',
      );
    case 'filter-cleared':
      return meanwhile(
        'its receive filters were cleared, and only frames that match a filter go to a queue.',
        'Set them again to give it back its queue.',
      );
    case 'thread-lost':
      return meanwhile(
        'the thread of its queue died and is being replaced.',
        'Wait a moment: it comes back by itself.',
      );
    case 'migrating':
      return meanwhile(
        'its VM is being moved, and no DMA may go into its memory meanwhile.',
        'Wait for the end of the migration, or cancel it.',
      );
    case 'port-down':
      return because(
        'its port is down: the guest broke a rule of its virtqueues, or has not started.',
        'Start the VM again.',
      );
    case 'adapter-down':
      return because(
        `${adapter} is ${obstacle.state}, so it has no queues.`,
        `Initialise ${adapter} again.`,
      );
    case 'refused':
      return because(
        obstacle.message,
        'Do what the message says, then change the queue request or start the VM again.',
      );
  }
}

function scarcity({ rule, queueCount, weight, lightest }: ScarceQueues, adapter: string): string {
  const all =
    queueCount === 1
      ? `the one queue of ${adapter} is`
      : `all ${queueCount} queues of ${adapter} are`;
  const took = rule === 'taken-by-heavier' ? ', and a heavier one took its queue' : '';
  return (
    `${all} taken${took}. The lightest that has one is ${lightest.name} with weight ${lightest.weight}; ` +
    `this one has weight ${weight}, and only a heavier one may take a queue.`
  );
}

function scarcityRemedy({ lightest }: ScarceQueues, adapter: string): string {
  const raise =
    lightest.weight < 100
      ? `Raise its weight above ${lightest.weight}`
      : 'Lower the weight of another VM';
  return `${raise}, stop a VM, or give ${adapter} more queues; else it gets the next one that is freed.`;
}
