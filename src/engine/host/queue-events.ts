/** Turns what the NDIS layer of an adapter says into events: each queue's moves, statuses, warnings. */
import type { EventObject } from '../../contract/events';
import type { EventLog } from './event-log';
import type { HostAdapter } from './host-adapter';

export function reportQueueEvents(adapter: HostAdapter, log: EventLog): void {
  const queue = (queueId: number): EventObject => ({
    kind: 'queue',
    id: String(queueId),
    name: `queue ${queueId} of ${adapter.config.name}`,
  });
  adapter.ndis.onQueueTransition(({ queueId, event, from, to }) => {
    if (from === to) {
      log.changed();
      return;
    }
    log.emit(
      'queue/state-changed',
      queue(queueId),
      `Queue ${queueId} of ${adapter.config.name}: ${from} → ${to}.`,
      event,
    );
  });
  adapter.ndis.onStatus((indication) => {
    if (indication.status !== 'NDIS_STATUS_RECEIVE_QUEUE_STATE') return;
    log.emit(
      'queue/dma-stopped',
      queue(indication.queueId),
      `Queue ${indication.queueId} of ${adapter.config.name}: DMA has stopped.`,
      indication.status,
    );
  });
  adapter.ndis.onWarning((warning) => {
    const object: EventObject = {
      kind: 'adapter',
      id: adapter.config.id,
      name: adapter.config.name,
    };
    log.emit('adapter/warned', object, warning.text, warning.kind, 'warning');
  });
}
