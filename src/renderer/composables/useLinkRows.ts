/** Traffic sources (replays and generators) as tables and panels show them, and what can be done with them. */
import { computed, type ComputedRef } from 'vue';
import type { LinkSnapshot } from '../../contract/host';
import type { LinkConfig } from '../../contract/model';
import { formatShort } from '../format/format';
import { useHostsStore } from '../stores/hosts';
import { useLabStore } from '../stores/lab';
import { useProblemsStore } from '../stores/problems';
import { useConfirm } from './useConfirm';

export interface LinkRow {
  readonly key: string;
  readonly link: LinkConfig;
  readonly kind: string;
  readonly plug: string;
  readonly rate: string;
  readonly state: LinkSnapshot['state'];
  readonly text: string;
  readonly frames: number;
  readonly bytes: number;
  readonly loops: number;
}

export interface LinkRows {
  readonly rows: ComputedRef<LinkRow[]>;
  start: (row: LinkRow) => Promise<boolean>;
  stop: (row: LinkRow) => Promise<boolean>;
  remove: (row: LinkRow) => Promise<boolean>;
}

export function useLinkRows(): LinkRows {
  const lab = useLabStore();
  const hosts = useHostsStore();
  const problems = useProblemsStore();
  const confirm = useConfirm();

  const snapshots = computed(() => {
    const all = [...hosts.snapshots.values()].flatMap((host) => host.links);
    return new Map([...all, ...(lab.fabric?.links ?? [])].map((link) => [link.linkId, link]));
  });

  function rowOf(link: LinkConfig): LinkRow {
    const snapshot = snapshots.value.get(link.id);
    return {
      key: link.id,
      link,
      kind: link.kind === 'replay' ? `replay of ${link.file}` : 'generator',
      plug:
        link.plug.at === 'fabric'
          ? 'fabric'
          : `${lab.hostName(link.plug.hostId)}, ${link.plug.adapter}`,
      rate: rateWords(link),
      state: snapshot?.state ?? 'stopped',
      text: snapshot?.text ?? '',
      frames: snapshot?.frames ?? Number.NaN,
      bytes: snapshot?.bytes ?? Number.NaN,
      loops: snapshot?.loops ?? Number.NaN,
    };
  }

  return {
    rows: computed(() => lab.links.map(rowOf)),
    start: (row) => problems.attempt(() => lab.startLink(row.key)),
    stop: (row) => problems.attempt(() => lab.stopLink(row.key)),
    remove: async (row) => {
      const accepted = await confirm.ask({
        title: `Remove ${row.link.name}?`,
        goes: 'The traffic stops and is removed from the lab.',
        stays: 'Captured files stay on disk.',
        accept: 'Remove',
      });
      return accepted && problems.attempt(() => lab.removeLink(row.key));
    },
  };
}

function rateWords(link: LinkConfig): string {
  if (link.rate.mode === 'fixed') return `${formatShort(link.rate.framesPerSecond)} frames/s`;
  return link.rate.mode === 'recorded' ? 'as recorded' : 'as fast as possible';
}
