/** Turns the states of a supervised process into events of the lab. */
import type { EventObject } from '../../contract/events';
import type { EventList, EventSeverity } from '../events';
import type { SupervisedState } from './supervisor';

interface StateEvent {
  readonly type: string;
  readonly severity: EventSeverity;
  readonly text: (name: string) => string;
}

const EVENTS: Readonly<Record<SupervisedState, StateEvent>> = {
  starting: { type: 'process/starting', severity: 'info', text: (name) => `${name} is starting.` },
  running: { type: 'process/started', severity: 'info', text: (name) => `${name} is running.` },
  restarting: {
    type: 'process/crashed',
    severity: 'error',
    text: (name) => `${name} was lost and will be restarted.`,
  },
  failed: {
    type: 'process/failed',
    severity: 'error',
    text: (name) => `${name} is not running and will not be restarted.`,
  },
  stopped: { type: 'process/stopped', severity: 'info', text: (name) => `${name} was stopped.` },
};

/**
 * An `onState` listener that records one event per state, with its cause. That a host runs for the
 * first time it tells itself.
 */
export function processEvents(
  events: EventList,
  object: EventObject,
  onChange: () => void,
  hostId?: string,
): (state: SupervisedState, cause: string) => void {
  let before: SupervisedState = 'stopped';
  return (state, cause) => {
    const { type, severity, text } = EVENTS[state];
    const isRestarted = state === 'running' && before === 'restarting';
    before = state;
    onChange();
    if (state === 'running' && !isRestarted && object.kind === 'host') return;
    events.record(
      isRestarted ? 'process/restarted' : type,
      object,
      isRestarted ? `${object.name} is running again.` : text(object.name),
      isRestarted
        ? 'It was restarted after it had been lost.'
        : state === 'running'
          ? 'It was brought up.'
          : cause,
      { severity, ...(hostId === undefined ? {} : { hostId }) },
    );
  };
}

/** An `onStreamLost` listener that records it. */
export function streamEvents(
  events: EventList,
  object: EventObject,
  hostId?: string,
): (stream: string, cause: string) => void {
  return (stream, cause) => {
    events.record(
      'process/stream-lost',
      object,
      `The ${stream} of ${object.name} are not received any more.`,
      cause,
      {
        severity: 'error',
        ...(hostId === undefined ? {} : { hostId }),
      },
    );
  };
}
