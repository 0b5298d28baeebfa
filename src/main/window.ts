/** The one window: sandboxed, isolated from Node, where it was left last time. */
import {
  BrowserWindow,
  dialog,
  nativeTheme,
  screen,
  type RenderProcessGoneDetails,
} from 'electron';
import { log } from './log';
import {
  loadWindowState,
  placeOnScreens,
  saveWindowState,
  SMALLEST,
  type Theme,
} from './window-state';

const FIRST_SIZE = { width: 1280, height: 820 };
/** Shown until the page has painted; the page's own background in both themes. */
const BACKGROUND = { light: '#f7f8fa', dark: '#14171c' };

export interface ConsoleWindowOptions {
  /** Remembers the window's place. */
  readonly dataFolder: string;
  /** The built preload script. */
  readonly preload: string;
  readonly pageAddress: string;
}

/** Opens the window and loads the page. */
export function openConsoleWindow(options: ConsoleWindowOptions): BrowserWindow {
  const { dataFolder, preload, pageAddress } = options;
  const state = loadWindowState(dataFolder);
  nativeTheme.themeSource = state.theme;
  const screens = screen.getAllDisplays().map((display) => display.workArea);
  const window = new BrowserWindow({
    ...FIRST_SIZE,
    minWidth: SMALLEST.width,
    minHeight: SMALLEST.height,
    ...placeOnScreens(state.bounds, screens),
    title: 'VMQ Console',
    show: false,
    backgroundColor: nativeTheme.shouldUseDarkColors ? BACKGROUND.dark : BACKGROUND.light,
    webPreferences: {
      preload,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInSubFrames: false,
      nodeIntegrationInWorker: false,
      webSecurity: true,
      webviewTag: false,
      spellcheck: false,
      // Charts go on while the window is covered: what happened meanwhile must not be a gap.
      backgroundThrottling: false,
    },
  });
  if (state.isMaximized) window.maximize();
  window.once('ready-to-show', () => window.show());
  window.on('close', () => remember(window, dataFolder));
  window.webContents.on('render-process-gone', (_event, details) => offerReload(window, details));
  window.webContents.on('unresponsive', () => log.warn('the page does not respond'));
  load(window, pageAddress);
  return window;
}

/** Applies a theme to the window's frame, menus and page, and remembers it. */
export function chooseTheme(theme: Theme, dataFolder: string): void {
  nativeTheme.themeSource = theme;
  save(dataFolder, { ...loadWindowState(dataFolder), theme });
}

function remember(window: BrowserWindow, dataFolder: string): void {
  save(dataFolder, {
    bounds: window.getNormalBounds(),
    isMaximized: window.isMaximized(),
    theme: nativeTheme.themeSource,
  });
}

/** A window that cannot be remembered is no reason to keep it open. */
function save(...[folder, state]: Parameters<typeof saveWindowState>): void {
  try {
    saveWindowState(folder, state);
  } catch (error) {
    log.warn({ err: error }, 'the window could not be remembered');
  }
}

function load(window: BrowserWindow, address: string): void {
  window.loadURL(address).catch((error: unknown) => {
    log.error({ err: error, address }, 'the page could not be loaded');
  });
}

function offerReload(window: BrowserWindow, { reason, exitCode }: RenderProcessGoneDetails): void {
  if (reason === 'clean-exit' || window.isDestroyed()) return;
  log.error({ reason, exitCode }, 'the page ended unexpectedly');
  dialog
    .showMessageBox(window, {
      type: 'error',
      message: 'The page of VMQ Console ended unexpectedly.',
      detail: `Reason: ${reason}. The hosts and their virtual machines run on.`,
      buttons: ['Reload', 'Close the window'],
      defaultId: 0,
      cancelId: 1,
    })
    .then(({ response }) => {
      if (window.isDestroyed()) return;
      if (response === 0) window.reload();
      else window.close();
    })
    .catch((error: unknown) => log.error({ err: error }, 'the reload could not be offered'));
}
