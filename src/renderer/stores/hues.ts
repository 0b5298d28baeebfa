/**
 * Which colour each queue has. The colour belongs to the NIC that a queue serves: it stays the same in every
 * chart and table, over restarts of the queue, and on both hosts of a migration. Queues without a NIC, and the
 * default queue, are slate.
 */
import { acceptHMRUpdate, defineStore } from 'pinia';
import { shallowRef } from 'vue';
import type { QueueSnapshot } from '../../contract/host';

export const HUE_COUNT = 8;

/** A colour token and, from the ninth queue on, a pattern over it. */
export interface Hue {
  readonly token: string;
  /** 0 is plain; 1 and up are patterns. */
  readonly pattern: number;
}

export const DEFAULT_HUE: Hue = { token: '--queue-default', pattern: 0 };

/** Gives each id the lowest free slot and lets it keep that slot for as long as it is listed. */
export function assignSlots(
  ids: readonly string[],
  before: ReadonlyMap<string, number>,
): Map<string, number> {
  const slots = new Map<string, number>();
  for (const id of ids) {
    const slot = before.get(id);
    if (slot !== undefined) slots.set(id, slot);
  }
  const taken = new Set(slots.values());
  for (const id of ids) {
    if (slots.has(id)) continue;
    let slot = 0;
    while (taken.has(slot)) slot += 1;
    taken.add(slot);
    slots.set(id, slot);
  }
  return slots;
}

export function hueOfSlot(slot: number): Hue {
  return { token: `--queue-${(slot % HUE_COUNT) + 1}`, pattern: Math.floor(slot / HUE_COUNT) };
}

export const useHuesStore = defineStore('hues', () => {
  const slots = shallowRef<ReadonlyMap<string, number>>(new Map());

  function assign(nicIds: readonly string[]): void {
    const unchanged =
      nicIds.length === slots.value.size && nicIds.every((id) => slots.value.has(id));
    if (!unchanged) slots.value = assignSlots(nicIds, slots.value);
  }

  function ofNic(nicId: string): Hue {
    const slot = slots.value.get(nicId);
    return slot === undefined ? DEFAULT_HUE : hueOfSlot(slot);
  }

  const ofQueue = (queue: Pick<QueueSnapshot, 'queueId' | 'nicId'> | undefined): Hue =>
    queue?.nicId && queue.queueId > 0 ? ofNic(queue.nicId) : DEFAULT_HUE;

  return { slots, assign, ofNic, ofQueue };
});

if (import.meta.hot) import.meta.hot.accept(acceptHMRUpdate(useHuesStore, import.meta.hot));
