/** The lab's event list as far as it is kept: oldest first, without gaps. */
import { acceptHMRUpdate, defineStore } from 'pinia';
import { computed, shallowRef } from 'vue';
import type { EventObject, LabEvent } from '../../contract/events';

const KEPT_EVENTS = 20_000;

export const useEventsStore = defineStore('events', () => {
  const events = shallowRef<readonly LabEvent[]>([]);
  const last = computed(() => events.value[events.value.length - 1]);

  /** Adds a batch; the first batch of a connection replaces the list, since it repeats what is kept. */
  function accept(batch: readonly LabEvent[], first: boolean): void {
    const all = first ? [...batch] : [...events.value, ...batch];
    events.value = all.length > KEPT_EVENTS ? all.slice(all.length - KEPT_EVENTS) : all;
  }

  /** The newest events about one object, newest first. */
  function about(object: Pick<EventObject, 'kind' | 'id'>, limit: number): LabEvent[] {
    const found: LabEvent[] = [];
    for (let index = events.value.length - 1; index >= 0 && found.length < limit; index -= 1) {
      const event = events.value[index];
      if (event && event.object.kind === object.kind && event.object.id === object.id)
        found.push(event);
    }
    return found;
  }

  return { events, last, accept, about };
});

if (import.meta.hot) import.meta.hot.accept(acceptHMRUpdate(useEventsStore, import.meta.hot));
