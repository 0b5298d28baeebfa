/** What the palette offers: screens, actions and every object of the lab. */
import { computed, type ComputedRef } from 'vue';
import { useAddress } from '../composables/useAddress';
import { useHostActions } from '../composables/useHostActions';
import { useQueueRows } from '../composables/useQueueRows';
import { useMigrationAddress } from '../composables/useMigrationAddress';
import { useVmActions } from '../composables/useVmActions';
import { useVmRows } from '../composables/useVmRows';
import { useChartControlsStore } from '../stores/chart-controls';
import { useLabStore } from '../stores/lab';
import { useProblemsStore } from '../stores/problems';
import { useSettingsStore } from '../stores/settings';
import { SCREENS } from './screens';

export interface PaletteItem {
  readonly key: string;
  readonly group: string;
  readonly text: string;
  /** Why it cannot be done now; empty when it can. */
  readonly whyNot: string;
  readonly run: () => unknown;
}

export function usePaletteItems(): ComputedRef<PaletteItem[]> {
  const lab = useLabStore();
  const settings = useSettingsStore();
  const controls = useChartControlsStore();
  const problems = useProblemsStore();
  const address = useAddress();
  const actions = useVmActions();
  const migrations = useMigrationAddress();
  const hostActions = useHostActions();
  const vms = useVmRows();
  const queues = useQueueRows(() => '');

  const item = (group: string, text: string, run: () => unknown, whyNot = ''): PaletteItem => ({
    key: `${group}/${text}`,
    group,
    text,
    whyNot,
    run,
  });

  return computed(() => [
    ...SCREENS.map((screen) => item('Screen', screen.title, () => address.go(screen.name))),
    item('Action', 'Create a VM', () => address.openForm('create-vm')),
    item('Action', 'Create a host', () => address.openForm('create-host')),
    item('Action', 'Migrate VMs', () => migrations.openMigrate()),
    item(
      'Action',
      'Open the sample lab',
      () => problems.attempt(() => lab.openSampleLab()),
      lab.isEmpty ? '' : 'The lab is not empty.',
    ),
    item('Action', controls.isPaused ? 'Resume the charts' : 'Pause the charts', () =>
      controls.togglePause(),
    ),
    item('Action', settings.shownTheme === 'dark' ? 'Light theme' : 'Dark theme', () =>
      settings.toggleTheme(),
    ),
    item(
      'Action',
      settings.isPresenting ? 'Stop presenting' : 'Present',
      () => (settings.isPresenting = !settings.isPresenting),
    ),
    ...vms.value.flatMap((row) => [
      item('VM', row.vm.name, () => address.select('vm', row.vm.id)),
      row.state === 'stopped'
        ? item('VM', `Start ${row.vm.name}`, () => actions.start(row), actions.whyNotStart(row))
        : item('VM', `Stop ${row.vm.name}`, () => actions.stop(row), actions.whyNotStop(row)),
      item('VM', `Migrate ${row.vm.name}`, () => actions.migrate(row), actions.whyNotMigrate(row)),
      item('VM', `Edit ${row.vm.name}`, () => actions.edit(row)),
      item('VM', `Delete ${row.vm.name}`, () => actions.remove(row), actions.whyNotDelete(row)),
    ]),
    ...lab.hosts.flatMap((host) => [
      item('Host', host.name, () => address.select('host', host.id)),
      item(
        'Host',
        `Evacuate ${host.name}`,
        () => hostActions.evacuate(host.id),
        hostActions.whyNotEvacuate(host.id),
      ),
    ]),
    ...queues.value.map((row) =>
      item(
        'Queue',
        `${row.label} of ${row.hostName}${row.queue.vmName ? `, ${row.queue.vmName}` : ''}`,
        () => address.select('queue', row.key),
      ),
    ),
    ...lab.links.map((link) => item('Traffic', link.name, () => address.select('link', link.id))),
  ]);
}

/** Items whose text has every word of the query, best first: those that begin with it. */
export function matching(
  items: readonly PaletteItem[],
  query: string,
  limit: number,
): PaletteItem[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const found = items.filter((item) =>
    words.every((word) => `${item.group} ${item.text}`.toLowerCase().includes(word)),
  );
  const first = words[0] ?? '';
  const rank = (item: PaletteItem): number => (item.text.toLowerCase().startsWith(first) ? 0 : 1);
  return found.sort((a, b) => rank(a) - rank(b)).slice(0, limit);
}
