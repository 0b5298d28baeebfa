/** Whether the command palette is open; shared by its button, its keys and itself. */
import { shallowRef, type ShallowRef } from 'vue';

export const isPaletteOpen: ShallowRef<boolean> = shallowRef(false);

export function openPalette(): void {
  isPaletteOpen.value = true;
}
