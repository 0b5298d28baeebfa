/**
 * Entry of the desktop application (Electron main process): one window, the lab, and ports between
 * the two. Everything of substance is in the files beside this one.
 */
import { join } from 'node:path';
import { app, dialog, session, type BrowserWindow } from 'electron';
import { RefusalError, refusalText } from '../shared/refusal-error';
import { declareScheme, PAGE_ADDRESS, PAGE_ORIGIN, servePage } from './app-protocol';
import { answerConnectRequests } from './connect';
import { chooseDataFolder } from './data-folder';
import { openLab } from './lab-start';
import { log } from './log';
import { installMenu } from './menu';
import { quitInOrder } from './orderly-quit';
import { confinePages, denyPermissions } from './security';
import { chooseTheme, openConsoleWindow } from './window';

const programFolder = app.getAppPath();
const dataFolder = chooseDataFolder(process.argv);
/** `electron-vite dev` serves the page itself; a packaged application never listens to the environment. */
const devServer = app.isPackaged ? undefined : process.env['ELECTRON_RENDERER_URL'];
let window: BrowserWindow | undefined;

if (app.requestSingleInstanceLock()) {
  declareScheme();
  confinePages();
  app.on('second-instance', showWindow);
  app.whenReady().then(start).catch(fail);
} else {
  app.quit();
}

function start(): void {
  denyPermissions(session.defaultSession);
  servePage(session.defaultSession, join(programFolder, 'out', 'renderer'));
  const lab = openLab({ programFolder, dataFolder });
  lab.catch(fail);
  quitInOrder(async () => (await lab).lab.close());
  answerConnectRequests({
    page: () => window?.webContents,
    pageOrigin: devServer === undefined ? PAGE_ORIGIN : new URL(devServer).origin,
    lab,
  });
  window = openConsoleWindow({
    dataFolder,
    preload: join(programFolder, 'out', 'preload', 'index.js'),
    pageAddress: devServer ?? PAGE_ADDRESS,
  });
  window.once('closed', () => (window = undefined));
  installMenu((theme) => chooseTheme(theme, dataFolder));
}

function showWindow(): void {
  if (window?.isMinimized() === true) window.restore();
  window?.focus();
}

/** Without a lab there is nothing to show. */
function fail(error: unknown): void {
  log.fatal({ err: error }, 'VMQ Console could not start');
  const text = error instanceof RefusalError ? refusalText(error.refusal) : String(error);
  dialog.showErrorBox('VMQ Console could not start', text);
  app.exit(1);
}
