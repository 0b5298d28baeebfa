/**
 * Stands in for Electron's own default application, which the fallback runtime lacks: loads the application that
 * the command line names, as `electron FOLDER` does.
 */
const electron = require('electron');
const path = require('node:path');

/**
 * Electron's own default application calls this method, which the public types leave out.
 * @typedef {import('electron').App & { setAppPath(folder: string): void }} DefaultApp
 */
const app = /** @type {DefaultApp} */ (electron.app);
const folder = path.resolve(process.argv.slice(1).find((arg) => !arg.startsWith('-')) ?? '.');

Object.defineProperty(process, 'defaultApp', { value: true, enumerable: true });
app.setName('vmq-console');
if (!app.commandLine.hasSwitch('user-data-dir')) {
  app.setPath('userData', path.join(app.getPath('appData'), 'vmq-console'));
}
app.setAppPath(folder);
require(folder);
