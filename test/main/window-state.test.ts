import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadWindowState, placeOnScreens, saveWindowState } from '../../src/main/window-state';
import { makeTemporaryFolder } from '../support/temporary-folder';

const folder = makeTemporaryFolder('window-state');
afterAll(() => folder.remove());

const bounds = { x: 10, y: 20, width: 1000, height: 700 };

describe('the window state', () => {
  it('is remembered, in one file', () => {
    const state = { bounds, isMaximized: true, theme: 'dark' } as const;
    saveWindowState(folder.path, state);
    expect(loadWindowState(folder.path)).toEqual(state);
    expect(readdirSync(folder.path)).toEqual(['window.json']);
  });

  it('starts afresh where there is none', () => {
    const first = { isMaximized: false, theme: 'system' };
    expect(loadWindowState(join(folder.path, 'missing'))).toEqual(first);
  });

  it('leaves out what is damaged', () => {
    const damaged = [
      '',
      '[]',
      'null',
      '{"bounds":{"x":1},"theme":"pink","isMaximized":1}',
      '{"bounds":{"x":"1"}}',
    ];
    for (const text of damaged) {
      writeFileSync(join(folder.path, 'window.json'), text);
      expect(loadWindowState(folder.path)).toEqual({ isMaximized: false, theme: 'system' });
    }
  });
});

describe('placeOnScreens', () => {
  const screen = { x: 0, y: 0, width: 1920, height: 1080 };

  it('keeps a window that is on a screen', () => {
    expect(placeOnScreens(bounds, [screen])).toEqual(bounds);
    expect(placeOnScreens({ ...bounds, x: -900 }, [screen])).toBeDefined();
  });

  it('forgets a window whose screen is gone', () => {
    expect(placeOnScreens({ ...bounds, x: 2000 }, [screen])).toBeUndefined();
    expect(placeOnScreens({ ...bounds, y: -690 }, [screen])).toBeUndefined();
    expect(placeOnScreens(undefined, [screen])).toBeUndefined();
  });

  it('makes a window no smaller than its content', () => {
    const small = { ...bounds, width: 200, height: 100 };
    expect(placeOnScreens(small, [screen])).toMatchObject({ width: 800, height: 560 });
  });
});
