/** Turns what the NDIS layer of an adapter says into events: each queue's moves, statuses, warnings. */
import type { EventObject } from '../../contract/events';
import type { EventLog } from './event-log';
import type { HostAdapter } from './host-adapter';

type Transition = Parameters<Parameters<HostAdapter['ndis']['onQueueTransition']>[0]>[0];

/** What moved a queue, in words; the requests come from the switch above the adapter. */
const CAUSES: Partial<Record<Transition['event'], string>> = {
  ALLOCATE_QUEUE: 'The switch sent OID_RECEIVE_FILTER_ALLOCATE_QUEUE.',
  SET_FILTER: 'The switch sent OID_RECEIVE_FILTER_SET_FILTER.',
  CLEAR_FILTER: 'The switch sent OID_RECEIVE_FILTER_CLEAR_FILTER.',
  CLEAR_LAST_FILTER: 'The switch cleared the last filter with OID_RECEIVE_FILTER_CLEAR_FILTER.',
  ALLOCATION_COMPLETE: 'The switch sent OID_RECEIVE_FILTER_QUEUE_ALLOCATION_COMPLETE.',
  FREE_QUEUE: 'The switch sent OID_RECEIVE_FILTER_FREE_QUEUE.',
  DMA_STOPPED: 'The miniport stopped DMA and sent NDIS_STATUS_RECEIVE_QUEUE_STATE.',
  RESOURCES_FREED: 'All receive buffers came back.',
};

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
      CAUSES[event] ?? event,
    );
  });
  adapter.ndis.onStatus((indication) => {
    if (indication.status !== 'NDIS_STATUS_RECEIVE_QUEUE_STATE') {
      reportChange(adapter, log, indication.status);
      return;
    }
    log.emit(
      'queue/dma-stopped',
      queue(indication.queueId),
      `Queue ${indication.queueId} of ${adapter.config.name}: DMA has stopped.`,
      `The miniport sent ${indication.status} after OID_RECEIVE_FILTER_FREE_QUEUE.`,
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

type ChangeStatus = Exclude<
  Parameters<Parameters<HostAdapter['ndis']['onStatus']>[0]>[0]['status'],
  'NDIS_STATUS_RECEIVE_QUEUE_STATE'
>;

const CHANGES: Readonly<Record<ChangeStatus, string>> = {
  NDIS_STATUS_RECEIVE_FILTER_CURRENT_CAPABILITIES: 'what is on has changed',
  NDIS_STATUS_RECEIVE_FILTER_HARDWARE_CAPABILITIES: 'what its hardware can do has changed',
  NDIS_STATUS_RECEIVE_FILTER_QUEUE_PARAMETERS: 'a queue shares its interrupt with others now',
};

/** Status indications about the adapter as a whole (reference §3.6). */
function reportChange(adapter: HostAdapter, log: EventLog, status: ChangeStatus): void {
  const { id, name } = adapter.config;
  log.emit(
    'adapter/status-indicated',
    { kind: 'adapter', id, name },
    `${name}: ${CHANGES[status]}.`,
    `The miniport indicated ${status}.`,
  );
}
