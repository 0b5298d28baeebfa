/** What can be done with a migration, and why something cannot. */
import type { MigrationSnapshot } from '../../contract/lab';
import { useConfirm } from '../composables/useConfirm';
import { useMigrationAddress } from '../composables/useMigrationAddress';
import { lookOf } from '../format/states';
import { useLabStore } from '../stores/lab';
import { useProblemsStore } from '../stores/problems';
import { whyCommitted } from './progress';

export interface MigrationActions {
  /** Empty when it is possible; otherwise why not. */
  whyNotCancel: (migration: MigrationSnapshot) => string;
  whyNotBack: (migration: MigrationSnapshot) => string;
  cancel: (migration: MigrationSnapshot) => Promise<boolean>;
  /** Opens the wizard for the way back, with the options of the way there. */
  migrateBack: (migration: MigrationSnapshot) => void;
}

export function useMigrationActions(): MigrationActions {
  const lab = useLabStore();
  const problems = useProblemsStore();
  const confirm = useConfirm();
  const address = useMigrationAddress();

  function whyNotBack({ vmId, vmName, fromHostId }: MigrationSnapshot): string {
    const vm = lab.vmsById.get(vmId);
    const status = lab.statuses.get(vmId);
    if (!vm) return `${vmName} is no longer in the lab.`;
    if (vm.hostId === fromHostId) return `${vmName} is on ${lab.hostName(fromHostId)}.`;
    if (!lab.hostsById.has(fromHostId)) return 'The host that it came from is gone.';
    if (status?.migrationId) return `${vmName} is being migrated.`;
    return status?.state === 'running'
      ? ''
      : `Only a running VM can be migrated. ${vmName} is ${lookOf(status?.state ?? 'stopped').word}.`;
  }

  return {
    whyNotCancel: whyCommitted,
    whyNotBack,
    cancel: async (migration) => {
      const { vmName, fromHostId, migrationId, outcome } = migration;
      const accepted = await confirm.ask({
        title: `Cancel the migration of ${vmName}?`,
        goes:
          outcome === 'queued'
            ? 'It leaves the queue; nothing was copied yet.'
            : 'What was copied so far is thrown away.',
        stays: `${vmName} runs on at ${lab.hostName(fromHostId)}.`,
        accept: 'Cancel the migration',
        refuse: 'Go on migrating',
      });
      return accepted && problems.attempt(() => lab.cancelMigration(migrationId));
    },
    migrateBack: ({ vmId, fromHostId, migrationId }) =>
      address.openMigrate({
        vmIds: [vmId],
        targetHostId: fromHostId,
        likeMigrationId: migrationId,
      }),
  };
}
