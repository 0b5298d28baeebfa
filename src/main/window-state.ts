/** What the window remembers: where it was, and light or dark. A small file in the data folder. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = 'window.json';
/** No smaller than its content. */
export const SMALLEST = { width: 800, height: 560 };
/** How much of a remembered window must still be on a screen. */
const VISIBLE_PIXELS = 80;

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface WindowState {
  readonly bounds?: Rectangle;
  readonly isMaximized: boolean;
  readonly theme: Theme;
}

const FIRST_STATE: WindowState = { isMaximized: false, theme: 'system' };

/** The remembered state; a missing or damaged file counts as the first start. */
export function loadWindowState(folder: string): WindowState {
  try {
    return readState(JSON.parse(readFileSync(join(folder, FILE), 'utf8')));
  } catch {
    return FIRST_STATE;
  }
}

/** Writes the state so that a crash leaves the old or the new one, never half of it. */
export function saveWindowState(folder: string, state: WindowState): void {
  const file = join(folder, FILE);
  writeFileSync(`${file}.new`, `${JSON.stringify(state, undefined, 2)}\n`);
  renameSync(`${file}.new`, file);
}

/** The remembered place if it is still on a screen. */
export function placeOnScreens(
  bounds: Rectangle | undefined,
  screens: readonly Rectangle[],
): Rectangle | undefined {
  if (bounds === undefined) return undefined;
  const isVisible = screens.some(
    (screen) =>
      overlap(bounds.x, bounds.width, screen.x, screen.width) >= VISIBLE_PIXELS &&
      overlap(bounds.y, bounds.height, screen.y, screen.height) >= VISIBLE_PIXELS,
  );
  if (!isVisible) return undefined;
  const { x, y, width, height } = bounds;
  return {
    x,
    y,
    width: Math.max(width, SMALLEST.width),
    height: Math.max(height, SMALLEST.height),
  };
}

function overlap(start: number, length: number, otherStart: number, otherLength: number): number {
  return Math.min(start + length, otherStart + otherLength) - Math.max(start, otherStart);
}

function readState(data: unknown): WindowState {
  if (typeof data !== 'object' || data === null) return FIRST_STATE;
  const { bounds, isMaximized, theme } = data as Partial<Record<keyof WindowState, unknown>>;
  return {
    ...(isRectangle(bounds) && { bounds }),
    isMaximized: isMaximized === true,
    theme: THEMES.find((known) => known === theme) ?? FIRST_STATE.theme,
  };
}

function isRectangle(value: unknown): value is Rectangle {
  if (typeof value !== 'object' || value === null) return false;
  const { x, y, width, height } = value as Partial<Record<keyof Rectangle, unknown>>;
  return [x, y, width, height].every((side) => Number.isInteger(side));
}
