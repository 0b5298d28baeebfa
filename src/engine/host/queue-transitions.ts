/** The last state transitions of a host's receive queues, for the pages. Control thread. */
import type { QueueTransition } from '../../contract/host';
import type { HostAdapter } from './host-adapter';
import type { VirtualMachine } from '../vm/virtual-machine';

const KEPT = 64;

export class QueueTransitions {
  readonly #entries: QueueTransition[] = [];

  /** Records the transitions of an adapter from now on. */
  record(adapter: HostAdapter, vms: ReadonlyMap<string, VirtualMachine>): void {
    adapter.ndis.onQueueTransition(({ queueId, event, from, to }) => {
      const info = adapter.ndis.enumQueues().find((queue) => queue.queueId === queueId);
      // A queue that is gone by now had its name in an earlier entry.
      const vmName = info?.vmName ?? this.#lastNameOf(adapter.config.id, queueId);
      const vm = [...vms.values()].find((candidate) => candidate.config.name === vmName);
      this.#entries.push({
        atMs: Date.now(),
        adapterId: adapter.config.id,
        queueId,
        vmId: vm?.vmId ?? null,
        vmName: vmName === undefined || vmName === '' ? null : vmName,
        from,
        to,
        cause: event,
      });
      this.#entries.splice(0, this.#entries.length - KEPT);
    });
  }

  /** Oldest first. */
  entries(): QueueTransition[] {
    return [...this.#entries];
  }

  #lastNameOf(adapterId: string, queueId: number): string | undefined {
    const last = [...this.#entries]
      .reverse()
      .find((entry) => entry.adapterId === adapterId && entry.queueId === queueId);
    return last?.vmName ?? undefined;
  }
}
