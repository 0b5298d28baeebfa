/** Keys that work on every screen. Typing in a field and open dialogs keep their own keys. */
import { useEventListener } from '@vueuse/core';
import { useAddress } from '../composables/useAddress';
import { useMigrationAddress } from '../composables/useMigrationAddress';
import { useChartControlsStore } from '../stores/chart-controls';
import { useSettingsStore } from '../stores/settings';
import { isPaletteOpen, openPalette } from './palette-state';
import { SCREENS } from './screens';

export interface Shortcut {
  readonly keys: string;
  readonly text: string;
}

export const SHORTCUTS: readonly Shortcut[] = [
  { keys: 'Ctrl K', text: 'Search actions and objects' },
  { keys: '1 … 9', text: 'Switch the screen' },
  { keys: 'C', text: 'Create a VM' },
  { keys: 'M', text: 'Migrate VMs' },
  { keys: 'P', text: 'Pause or resume the charts' },
  { keys: 'T', text: 'Light or dark theme' },
  { keys: 'F', text: 'Present: larger type, fewer panels' },
  { keys: '/', text: 'Filter the list of the screen' },
  { keys: '↑ ↓ Enter', text: 'Move in a table and open a row' },
  { keys: '← → Home End', text: 'Move the cursor of a chart' },
  { keys: 'Escape', text: 'Close the panel, leave presenting' },
];

export function useShortcuts(): void {
  const address = useAddress();
  const migrations = useMigrationAddress();
  const controls = useChartControlsStore();
  const settings = useSettingsStore();

  const keys: Readonly<Record<string, () => void>> = {
    c: () => address.openForm('create-vm'),
    m: () => migrations.openMigrate(),
    p: () => controls.togglePause(),
    t: () => settings.toggleTheme(),
    f: () => (settings.isPresenting = !settings.isPresenting),
    '/': () => document.querySelector<HTMLInputElement>('input[type="search"]')?.focus(),
    Escape: () => {
      if (settings.isPresenting) settings.isPresenting = false;
      else address.closePanel();
    },
  };

  useEventListener(window, 'keydown', (event: KeyboardEvent) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
      event.preventDefault();
      openPalette();
      return;
    }
    if (
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      event.defaultPrevented ||
      isPaletteOpen.value ||
      isTyping(event.target)
    )
      return;
    if (document.querySelector('[role="alertdialog"]')) return;
    const screen = /^[1-9]$/.test(event.key) ? SCREENS[Number(event.key) - 1] : undefined;
    const action = screen ? () => address.go(screen.name) : keys[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName))
  );
}
