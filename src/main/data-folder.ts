/** Where this instance keeps everything: `--data-folder=DIR`, else Electron's place for the application. */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { app } from 'electron';

const OPTION = '--data-folder=';

/**
 * Decides the folder and makes it Electron's own, so that the single instance lock is one per data
 * folder. Must be called before the application is ready.
 */
export function chooseDataFolder(args: readonly string[]): string {
  const wanted = args.find((arg) => arg.startsWith(OPTION))?.slice(OPTION.length) ?? '';
  const folder = wanted === '' ? app.getPath('userData') : resolve(wanted);
  // Caches and local storage beside the inventory, not among it.
  const browserFolder = join(folder, 'browser');
  mkdirSync(browserFolder, { recursive: true, mode: 0o700 });
  app.setPath('userData', folder);
  app.setPath('sessionData', browserFolder);
  return folder;
}
