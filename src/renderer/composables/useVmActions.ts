/** What can be done to a VM now, and why something cannot: the same for panel, palette and keys. */
import type { VmRow } from './useVmRows';
import { useAddress } from './useAddress';
import { useConfirm } from './useConfirm';
import { useMigrationAddress } from './useMigrationAddress';
import { useLabStore } from '../stores/lab';
import { useProblemsStore } from '../stores/problems';

export interface VmActions {
  /** Empty when the action is possible; otherwise why not. */
  whyNotStart: (row: VmRow) => string;
  whyNotStop: (row: VmRow) => string;
  whyNotDelete: (row: VmRow) => string;
  whyNotMigrate: (row: VmRow) => string;
  start: (row: VmRow) => Promise<boolean>;
  stop: (row: VmRow) => Promise<boolean>;
  remove: (row: VmRow) => Promise<boolean>;
  edit: (row: VmRow) => void;
  migrate: (row: VmRow) => void;
}

const BUSY_WORDS: Readonly<Record<string, string>> = {
  'waiting-to-move': 'waits for its migration',
};

export function useVmActions(): VmActions {
  const lab = useLabStore();
  const problems = useProblemsStore();
  const address = useAddress();
  const confirm = useConfirm();
  const migrations = useMigrationAddress();

  const whyBusy = (row: VmRow): string =>
    row.migrationId ? `${row.vm.name} ${BUSY_WORDS[row.shownState] ?? 'is being migrated'}.` : '';

  function whyNotStop(row: VmRow): string {
    if (row.migrationId) return whyBusy(row);
    return row.state === 'running' || row.state === 'failed'
      ? ''
      : `${row.vm.name} is ${row.state}.`;
  }

  async function remove(row: VmRow): Promise<boolean> {
    const accepted = await confirm.ask({
      title: `Delete ${row.vm.name}?`,
      goes: `The VM, its memory and its MAC address ${row.vm.nics[0]?.macs[0] ?? ''} are removed from ${row.hostName}.`,
      stays: 'Its host, the other VMs and the event list stay as they are.',
      accept: 'Delete',
    });
    if (!accepted) return false;
    const done = await problems.attempt(() => lab.deleteVm(row.vm.id));
    if (done && address.selection.value?.id === row.vm.id) address.closePanel();
    return done;
  }

  return {
    whyNotStart: (row) =>
      row.state === 'stopped' ? whyBusy(row) : `${row.vm.name} is ${row.state}.`,
    whyNotStop,
    whyNotDelete: (row) =>
      whyBusy(row) ||
      (row.state === 'stopped' ? '' : `${row.vm.name} is ${row.state}. Stop it first.`),
    whyNotMigrate: (row) =>
      whyBusy(row) ||
      (row.state === 'running'
        ? ''
        : `Only a running VM can be migrated. ${row.vm.name} is ${row.state}.`),
    start: (row) => problems.attempt(() => lab.startVm(row.vm.id)),
    stop: (row) => problems.attempt(() => lab.stopVm(row.vm.id)),
    remove,
    edit: (row) => address.select('vm', row.vm.id, 'edit-vm'),
    migrate: (row) => migrations.openMigrate({ vmIds: [row.vm.id] }),
  };
}
