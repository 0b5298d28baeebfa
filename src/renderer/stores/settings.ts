/** How this page looks, kept in the browser's storage. */
import { usePreferredDark, useStorage } from '@vueuse/core';
import { acceptHMRUpdate, defineStore } from 'pinia';
import { computed, shallowRef, watchEffect } from 'vue';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];
export type MotionSetting = 'system' | 'reduced';

export const useSettingsStore = defineStore('settings', () => {
  const theme = useStorage<Theme>('vmq-console/theme', 'system');
  const motion = useStorage<MotionSetting>('vmq-console/motion', 'system');
  const isPresenting = shallowRef(false);
  const prefersDark = usePreferredDark();
  const shownTheme = computed<'light' | 'dark'>(() => {
    if (theme.value === 'system') return prefersDark.value ? 'dark' : 'light';
    return theme.value;
  });

  /** Switches between light and dark, whatever the system says. */
  function toggleTheme(): void {
    theme.value = shownTheme.value === 'dark' ? 'light' : 'dark';
  }

  watchEffect(() => {
    const root = document.documentElement;
    root.dataset['theme'] = shownTheme.value;
    root.dataset['motion'] = motion.value;
    root.toggleAttribute('data-present', isPresenting.value);
  });

  return { theme, motion, isPresenting, shownTheme, toggleTheme };
});

if (import.meta.hot) import.meta.hot.accept(acceptHMRUpdate(useSettingsStore, import.meta.hot));
