/** Adapters in the states that tests begin with. */
import { expect } from 'vitest';

import { affinityOf } from '../../../src/engine/ndis/group-affinity';
import {
  vmqCapabilities,
  type NdisVersion,
  type ReceiveFilterCapabilities,
} from '../../../src/engine/ndis/capabilities';
import { macFilter } from '../../../src/engine/ndis/filter-parameters';
import type { NdisAdapterOptions } from '../../../src/engine/ndis/adapter-core';
import { NdisAdapter } from '../../../src/engine/ndis/ndis-adapter';
import type { AdapterWarning, StatusIndication } from '../../../src/engine/ndis/adapter-events';
import type { ProtocolBinding } from '../../../src/engine/ndis/protocol-binding';
import { receiveQueueParameters } from '../../../src/engine/ndis/queue-parameters';
import type { QueueState } from '../../../src/engine/ndis/queue-state';
import { NdisStatusError, type NdisStatus } from '../../../src/engine/ndis/status';
import { ScriptedMiniport } from './scripted-miniport';

export interface AdapterFixture {
  readonly adapter: NdisAdapter;
  readonly miniport: ScriptedMiniport;
  readonly binding: ProtocolBinding;
  readonly indications: StatusIndication[];
  readonly warnings: AdapterWarning[];
}

export interface AdapterFixtureOptions extends Partial<Omit<NdisAdapterOptions, 'miniport'>> {
  readonly ndisVersion?: NdisVersion;
  readonly capabilities?: ReceiveFilterCapabilities;
}

/** An adapter with four queues and eight filters, one binding, and a clock that ticks per reading. */
export function anAdapter(options: AdapterFixtureOptions = {}): AdapterFixture {
  const { ndisVersion = '6.30', capabilities, ...rest } = options;
  const hardware =
    capabilities ?? vmqCapabilities({ ndisVersion, numQueues: 4, maxMacHeaderFilters: 8 });
  const miniport = new ScriptedMiniport({ hardware, current: hardware });
  let time = 0;
  const adapter = new NdisAdapter({ name: 'nic-a', miniport, now: () => (time += 1), ...rest });
  const indications: StatusIndication[] = [];
  const warnings: AdapterWarning[] = [];
  adapter.onStatus((indication) => indications.push(indication));
  adapter.onWarning((warning) => warnings.push(warning));
  return { adapter, miniport, binding: adapter.bind('switch'), indications, warnings };
}

/** Parameters for a queue on a processor. */
export function onProcessor(processor: number): ReturnType<typeof receiveQueueParameters> {
  return receiveQueueParameters({ processorAffinity: affinityOf(processor) });
}

/** A unicast MAC address for a number. */
export function macOf(number: number): string {
  return `02:00:5e:10:00:${number.toString(16).padStart(2, '0')}`;
}

/** A queue with the ids of the filters that put it into its state. */
export interface QueueInState {
  readonly queueId: number;
  readonly filterId: number | undefined;
}

/** States that a queue can be brought into and left in. */
export type RestingState = Exclude<QueueState, 'Undefined' | 'StopDma' | 'Freeing'>;

/** Brings a new queue of the fixture's binding into a state. */
export async function aQueueIn(
  state: RestingState,
  fixture: AdapterFixture,
): Promise<QueueInState> {
  const { binding } = fixture;
  const queueId = await binding.allocateQueue(onProcessor(2));
  const filtered = state === 'Set' || state === 'Running';
  const filterId = filtered
    ? await binding.setFilter(macFilter(queueId, macOf(queueId), null))
    : undefined;
  if (state === 'Paused' || state === 'Running') await binding.queueAllocationComplete([queueId]);
  return { queueId, filterId };
}

/** What a refusal said; fails when there was none or when it was no NDIS status. */
export async function refusalOf(request: () => unknown): Promise<NdisStatusError> {
  try {
    await request();
  } catch (error) {
    if (error instanceof NdisStatusError) return error;
    throw error;
  }
  throw new Error('the request was not refused');
}

/** Refused with this status, and nothing has changed. */
export async function expectRefusal(
  adapter: NdisAdapter,
  request: () => unknown,
  status: NdisStatus,
): Promise<NdisStatusError> {
  const before = adapter.snapshot();
  const refusal = await refusalOf(request);
  expect(refusal.status).toBe(status);
  expect(adapter.snapshot()).toEqual(before);
  return refusal;
}
