/**
 * The life of a receive queue as one table (`docs/vmq-reference.md` §3.2), with its illegal cells.
 * Two facts explain five of the states: is the allocation complete, and has the queue filters?
 *
 *                     no filter      filters
 *     not complete    Allocated      Set
 *     complete        Paused         Running
 *
 * The default queue is outside of this table: it exists from initialise to halt (§3.9).
 */
import type { QueueState } from '../../contract/host';

export type { QueueState } from '../../contract/host';

/** Everything that can happen to a queue, in the order of the table's rows. */
export const QUEUE_EVENTS = [
  'ALLOCATE_QUEUE',
  'QUERY_QUEUE_PARAMETERS',
  'SET_QUEUE_PARAMETERS',
  'SET_FILTER',
  'CLEAR_LAST_FILTER',
  'CLEAR_FILTER',
  'ENUM_FILTERS',
  'FILTER_PARAMETERS',
  'ALLOCATION_COMPLETE',
  'RECEIVE_PACKET',
  'FREE_QUEUE',
  'DMA_STOPPED',
  'RESOURCES_FREED',
] as const;
export type QueueEvent = (typeof QUEUE_EVENTS)[number];

/** A cell of the table: the state that follows, or `illegal`. */
export type NextQueueState = QueueState | 'illegal';

/**
 * Row: event; column: state; a state that is not named is an illegal cell.
 * `CLEAR_FILTER` is the clear of any filter but the last. `DMA_STOPPED` is DMA off *and* the status
 * sent; `RESOURCES_FREED` is all indications returned *and* the resources given back.
 */
const TRANSITIONS: Readonly<Record<QueueEvent, Readonly<Partial<Record<QueueState, QueueState>>>>> =
  {
    ALLOCATE_QUEUE: { Undefined: 'Allocated' },
    QUERY_QUEUE_PARAMETERS: {
      Allocated: 'Allocated',
      Set: 'Set',
      Running: 'Running',
      Paused: 'Paused',
    },
    SET_QUEUE_PARAMETERS: {
      Allocated: 'Allocated',
      Set: 'Set',
      Running: 'Running',
      Paused: 'Paused',
    },
    SET_FILTER: { Allocated: 'Set', Set: 'Set', Running: 'Running', Paused: 'Running' },
    CLEAR_LAST_FILTER: { Set: 'Allocated', Running: 'Paused' },
    CLEAR_FILTER: { Set: 'Set', Running: 'Running' },
    ENUM_FILTERS: { Allocated: 'Allocated', Set: 'Set', Running: 'Running', Paused: 'Paused' },
    FILTER_PARAMETERS: { Set: 'Set', Running: 'Running' },
    ALLOCATION_COMPLETE: { Allocated: 'Paused', Set: 'Running' },
    RECEIVE_PACKET: { Running: 'Running' },
    FREE_QUEUE: { Allocated: 'StopDma', Paused: 'StopDma' },
    DMA_STOPPED: { StopDma: 'Freeing' },
    RESOURCES_FREED: { Freeing: 'Undefined' },
  };

/** The state after `event`, or `illegal`. */
export function nextState(state: QueueState, event: QueueEvent): NextQueueState {
  return TRANSITIONS[event][state] ?? 'illegal';
}

/** The states in which `event` is legal, for messages. */
export function legalStates(event: QueueEvent): readonly string[] {
  return Object.keys(TRANSITIONS[event]);
}

/** Whether the allocation is complete, that is, whether filters of the queue are active. */
export function isComplete(state: QueueState): boolean {
  return state === 'Running' || state === 'Paused';
}

/** NDIS_RECEIVE_QUEUE_OPERATIONAL_STATE, what a queue reports outwards, with its values (§3.6). */
export const OPERATIONAL_STATE_VALUES = {
  Undefined: 0,
  Running: 1,
  Paused: 2,
  DmaStopped: 3,
} as const;
export type QueueOperationalState = keyof typeof OPERATIONAL_STATE_VALUES;

const OPERATIONAL_STATES: Readonly<Record<QueueState, QueueOperationalState>> = {
  Undefined: 'Undefined',
  Allocated: 'Paused',
  Set: 'Paused',
  Running: 'Running',
  Paused: 'Paused',
  StopDma: 'DmaStopped',
  Freeing: 'DmaStopped',
};

/** The outward state; the enumeration has none for Allocated, Set and Freeing (§11 points 1 and 2). */
export function operationalState(state: QueueState): QueueOperationalState {
  return OPERATIONAL_STATES[state];
}
