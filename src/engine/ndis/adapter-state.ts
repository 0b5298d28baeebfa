/**
 * The states of an adapter as one table (`docs/vmq-reference.md` §6.5), another axis than the states
 * of its queues. A state that is not named for an event is an illegal cell.
 *
 *                      running    paused     halted     removed
 *     pause            paused
 *     restart                     running
 *     reset            running    paused
 *     halt             halted     halted                halted
 *     initialise                             running    running
 *     surprise-removal removed    removed
 *
 * `resetting` lasts as long as a reset does; no event is legal meanwhile.
 */
import type { AdapterEvent, AdapterState } from '../../contract/vmq';

const TRANSITIONS: Readonly<
  Record<AdapterEvent, Readonly<Partial<Record<AdapterState, AdapterState>>>>
> = {
  pause: { running: 'paused' },
  restart: { paused: 'running' },
  reset: { running: 'running', paused: 'paused' },
  halt: { running: 'halted', paused: 'halted', removed: 'halted' },
  initialise: { halted: 'running', removed: 'running' },
  'surprise-removal': { running: 'removed', paused: 'removed' },
};

/** The state after an event, or `illegal`. */
export function nextAdapterState(
  state: AdapterState,
  event: AdapterEvent,
): AdapterState | 'illegal' {
  return TRANSITIONS[event][state] ?? 'illegal';
}

/** States in which an event is legal, for messages. */
export function legalAdapterStates(event: AdapterEvent): readonly string[] {
  return Object.keys(TRANSITIONS[event]);
}
