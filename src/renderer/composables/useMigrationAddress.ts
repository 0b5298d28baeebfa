/**
 * What the address of the migration screen says: `wizard` (which one is open), `vm` (chosen VMs), `to` (target), `like`
 * (migration whose options are taken over), `from` (host to evacuate) and `migration` (the one that is shown).
 */
import { computed, type ComputedRef } from 'vue';
import { useRoute, useRouter, type LocationQueryRaw } from 'vue-router';
import { useAddress } from './useAddress';

export const WIZARDS = ['migrate', 'evacuate'] as const;
export type Wizard = (typeof WIZARDS)[number];

export interface MigrateRequest {
  readonly vmIds?: readonly string[];
  readonly targetHostId?: string;
  /** Takes its options from this migration. */
  readonly likeMigrationId?: string;
}

export interface MigrationAddress {
  readonly wizard: ComputedRef<Wizard | null>;
  readonly vmIds: ComputedRef<readonly string[]>;
  readonly targetHostId: ComputedRef<string>;
  readonly likeMigrationId: ComputedRef<string>;
  readonly evacuatedHostId: ComputedRef<string>;
  readonly migrationId: ComputedRef<string>;
  openMigrate: (request?: MigrateRequest) => void;
  openEvacuate: (hostId: string) => void;
  /** Shows a migration and closes the wizard; an empty id shows the newest one. */
  show: (migrationId: string) => void;
  closeWizard: () => void;
}

export function useMigrationAddress(): MigrationAddress {
  const route = useRoute();
  const router = useRouter();
  const address = useAddress();
  const text = (name: string): string => {
    const value = route.query[name];
    return typeof value === 'string' ? value : '';
  };
  const closed: LocationQueryRaw = {
    wizard: undefined,
    vm: undefined,
    to: undefined,
    like: undefined,
    from: undefined,
  };
  function change(query: LocationQueryRaw): void {
    void router.push({ query: { ...route.query, ...closed, ...query } });
  }

  return {
    wizard: computed(() => WIZARDS.find((candidate) => candidate === text('wizard')) ?? null),
    vmIds: computed(() => text('vm').split(',').filter(Boolean)),
    targetHostId: computed(() => text('to')),
    likeMigrationId: computed(() => text('like')),
    evacuatedHostId: computed(() => text('from')),
    migrationId: computed(() => text('migration')),
    openMigrate: ({ vmIds = [], targetHostId, likeMigrationId } = {}) =>
      address.go('migration', {
        wizard: 'migrate',
        ...(vmIds.length > 0 ? { vm: vmIds.join(',') } : {}),
        ...(targetHostId ? { to: targetHostId } : {}),
        ...(likeMigrationId ? { like: likeMigrationId, migration: likeMigrationId } : {}),
      }),
    openEvacuate: (hostId) => address.go('migration', { wizard: 'evacuate', from: hostId }),
    show: (migrationId) => change({ migration: migrationId || undefined }),
    closeWizard: () => change({}),
  };
}
