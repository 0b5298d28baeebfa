/**
 * What the address says beside the screen: `host` (whose queues and charts are shown), `select` (`KIND:ID` of the
 * object in the detail panel) and `form` (the form that is open instead). Back, forward, copy and reload work.
 */
import { computed, type ComputedRef } from 'vue';
import { useRoute, useRouter, type LocationQueryRaw } from 'vue-router';
import { useLabStore } from '../stores/lab';

export const SELECTION_KINDS = ['vm', 'queue', 'adapter', 'host', 'link'] as const;
export type SelectionKind = (typeof SELECTION_KINDS)[number];
export const FORMS = ['create-vm', 'edit-vm', 'create-host'] as const;
export type FormName = (typeof FORMS)[number];

export interface Selection {
  readonly kind: SelectionKind;
  /** Object id; `HOST/ADAPTER/QUEUE` for a queue and `HOST/ADAPTER` for an adapter. */
  readonly id: string;
}

export interface Address {
  readonly screen: ComputedRef<string>;
  /** The chosen host, or the first one; empty in an empty lab. */
  readonly hostId: ComputedRef<string>;
  readonly selection: ComputedRef<Selection | null>;
  readonly form: ComputedRef<FormName | null>;
  readonly search: ComputedRef<string>;
  go: (screen: string, query?: LocationQueryRaw) => void;
  /** Shows an object in the detail panel, or a form about it. */
  select: (kind: SelectionKind, id: string, form?: FormName) => void;
  openForm: (form: FormName) => void;
  closePanel: () => void;
  chooseHost: (hostId: string) => void;
}

export function queueSelectionId(hostId: string, adapterId: string, queueId: number): string {
  return `${hostId}/${adapterId}/${queueId}`;
}

export function adapterSelectionId(hostId: string, adapterId: string): string {
  return `${hostId}/${adapterId}`;
}

export function useAddress(): Address {
  const route = useRoute();
  const router = useRouter();
  const lab = useLabStore();

  const text = (name: string): string => {
    const value = route.query[name];
    return typeof value === 'string' ? value : '';
  };
  const hostId = computed(() => {
    const asked = text('host');
    return lab.hostsById.has(asked) ? asked : (lab.hosts[0]?.id ?? '');
  });
  const selection = computed<Selection | null>(() => {
    const [kind = '', ...id] = text('select').split(':');
    const known = SELECTION_KINDS.find((candidate) => candidate === kind);
    return known && id.length > 0 ? { kind: known, id: id.join(':') } : null;
  });
  const form = computed<FormName | null>(
    () => FORMS.find((candidate) => candidate === text('form')) ?? null,
  );

  function change(query: LocationQueryRaw): void {
    void router.push({ query: { ...route.query, ...query } });
  }

  return {
    screen: computed(() => String(route.name ?? '')),
    hostId,
    selection,
    form,
    search: computed(() => text('search')),
    go: (screen, query = {}) => {
      const host = text('host');
      void router.push({ name: screen, query: { ...(host ? { host } : {}), ...query } });
    },
    select: (kind, id, name) => change({ select: `${kind}:${id}`, form: name }),
    openForm: (name) => change({ form: name }),
    closePanel: () =>
      change(
        form.value === 'edit-vm' ? { form: undefined } : { form: undefined, select: undefined },
      ),
    chooseHost: (id) => change({ host: id }),
  };
}
