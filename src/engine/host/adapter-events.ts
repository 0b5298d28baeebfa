/** What happened to an adapter, for the event list. Control thread. */
import type { AdapterEvent } from '../../contract/vmq';
import type { EventLog } from './event-log';
import type { HostAdapter } from './host-adapter';

interface EventText {
  readonly type: string;
  readonly text: string;
  readonly severity: 'info' | 'warning';
}

const TEXTS: Readonly<Record<AdapterEvent, EventText>> = {
  pause: {
    type: 'adapter/paused',
    text: 'was paused: frames of its wire are dropped; queues and filters stay',
    severity: 'info',
  },
  restart: { type: 'adapter/restarted', text: 'moves frames again', severity: 'info' },
  reset: {
    type: 'adapter/reset',
    text: 'was reset: the miniport restored its queues and filters',
    severity: 'info',
  },
  halt: {
    type: 'adapter/halted',
    text: 'was halted: its filters were cleared and its queues freed first',
    severity: 'info',
  },
  initialise: {
    type: 'adapter/initialised',
    text: 'was initialised: its switch asks for queues again',
    severity: 'info',
  },
  'surprise-removal': {
    type: 'adapter/removed',
    text: 'was removed by surprise: its queues and filters are gone',
    severity: 'warning',
  },
};

export function reportAdapterEvent(adapter: HostAdapter, event: AdapterEvent, log: EventLog): void {
  const { id, name } = adapter.config;
  const { type, text, severity } = TEXTS[event];
  const cause = 'An administrator or a lab file asked for it.';
  log.emit(type, { kind: 'adapter', id, name }, `${name} ${text}.`, cause, severity);
}
