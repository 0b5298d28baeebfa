/**
 * The life of an adapter (`docs/vmq-reference.md` §6.5): what pause, restart, reset, halt, initialise
 * and surprise removal do to its queues, filters and requests.
 *
 *     pause, restart     queues and filters stay; requests are answered as ever
 *     reset              the miniport restores queues and filters; requests wait (6.30) or are refused (6.20)
 *     halt               the layer takes queues and filters away first, then the miniport ends
 *     surprise removal   the miniport ends at once; requests are refused; queues and filters go after it
 */
import type { AdapterEvent, AdapterState } from '../../../contract/vmq';
import type { AdapterCore } from '../adapter-core';
import { legalAdapterStates, nextAdapterState } from '../adapter-state';
import { NDIS_CALLER, type RequestLabel } from '../request-log';
import { NdisStatusError, type NdisFunction } from '../status';
import { takeEverything } from './close-binding';

const FUNCTIONS: Readonly<Record<AdapterEvent, NdisFunction>> = {
  pause: 'MiniportPause',
  restart: 'MiniportRestart',
  reset: 'MiniportResetEx',
  halt: 'MiniportHaltEx',
  initialise: 'MiniportInitializeEx',
  'surprise-removal': 'MiniportDevicePnPEventNotify',
};

/** Settles when the adapter is in the next state. @throws NdisStatusError `NDIS_STATUS_NOT_ACCEPTED` in an illegal cell. */
export async function liveThrough(core: AdapterCore, event: AdapterEvent): Promise<void> {
  if (event !== 'surprise-removal') {
    await core.submit(labelOf(event), () => enter(core, event, requireNext(core, event)));
    return;
  }
  // It does not wait for a request that runs: those behind it are refused from now on.
  core.state = requireNext(core, event);
  await core.miniport.surpriseRemoval();
  await core.submit(labelOf(event), () => takeEverything(core));
}

async function enter(
  core: AdapterCore,
  event: Exclude<AdapterEvent, 'surprise-removal'>,
  next: AdapterState,
): Promise<void> {
  const { miniport } = core;
  switch (event) {
    case 'pause':
      await miniport.pause();
      break;
    case 'restart':
      await miniport.restart();
      break;
    case 'reset':
      core.state = 'resetting';
      await miniport.reset().finally(() => {
        core.state = next;
      });
      await (next === 'paused' ? miniport.pause() : miniport.restart());
      break;
    case 'halt':
      await takeEverything(core);
      await miniport.halt();
      break;
    case 'initialise':
      await miniport.initialise();
      break;
  }
  core.state = next;
}

function requireNext(core: AdapterCore, event: AdapterEvent): AdapterState {
  const next = nextAdapterState(core.state, event);
  if (next !== 'illegal') return next;
  throw new NdisStatusError(FUNCTIONS[event], {
    status: 'NDIS_STATUS_NOT_ACCEPTED',
    expected: `an adapter that is ${legalAdapterStates(event).join(' or ')}`,
    found: `${core.name}, ${core.state}`,
  });
}

function labelOf(event: AdapterEvent): RequestLabel {
  return { caller: NDIS_CALLER, oid: FUNCTIONS[event], kind: 'set', arguments: {} };
}
