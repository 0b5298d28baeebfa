/** Adapters in words: what their hardware can do, and what their states and events mean. */
import type { AdapterEvent, AdapterProfile, AdapterState } from '../../contract/vmq';
import { plural } from './format';

/** What the hardware of an adapter can do, in one line. */
export function profileWords(profile: AdapterProfile): string {
  return [
    `NDIS ${profile.ndisRevision}`,
    `${profile.linkSpeedGbps} Gbit/s`,
    plural(profile.numQueues, 'VM queue'),
    plural(profile.numReceiveFilters, 'filter'),
    plural(profile.msixVectors, 'vector'),
    profile.vlanFiltering ? 'filters by VLAN' : 'no VLAN filtering',
    ...(profile.lookaheadSplit ? ['lookahead split'] : []),
  ].join(', ');
}

export interface EventWords {
  readonly label: string;
  /** What it does to queues and frames. */
  readonly goes: string;
  readonly stays: string;
}

export const EVENT_WORDS: Readonly<Record<AdapterEvent, EventWords>> = {
  pause: {
    label: 'Pause',
    goes: 'No frame is indicated any more: what arrives is dropped and counted.',
    stays: 'Queues and filters stay as they are; requests are answered.',
  },
  restart: {
    label: 'Restart',
    goes: '',
    stays: 'Queues and filters are as they were; frames flow again.',
  },
  reset: {
    label: 'Reset',
    goes: 'Frames that the adapter holds now are lost.',
    stays: 'The miniport restores queues, parameters and filters.',
  },
  halt: {
    label: 'Halt',
    goes: 'Every queue is freed and every filter cleared; its VMs receive nothing.',
    stays: 'Its VMs run on. Initialise it to bring queues and filters back.',
  },
  initialise: {
    label: 'Initialise',
    goes: '',
    stays: 'Its VMs are connected again, and ask for queues again.',
  },
  'surprise-removal': {
    label: 'Pull it out',
    goes: 'The adapter is gone at once: requests are refused, queues and filters go after it.',
    stays: 'Its VMs run on without a network. Initialise it to plug it in again.',
  },
};

/** States in which an event can happen (`docs/vmq-reference.md` §6.5). */
const LEGAL: Readonly<Record<AdapterEvent, readonly AdapterState[]>> = {
  pause: ['running'],
  restart: ['paused'],
  reset: ['running', 'paused'],
  halt: ['running', 'paused', 'removed'],
  initialise: ['halted', 'removed'],
  'surprise-removal': ['running', 'paused'],
};

/** Why an event cannot happen now; empty when it can. */
export function whyNotEvent(event: AdapterEvent, state: AdapterState): string {
  const legal = LEGAL[event];
  return legal.includes(state) ? '' : `It is ${state}; it must be ${legal.join(' or ')}.`;
}
