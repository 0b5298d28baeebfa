/** Starts browser mode and opens its page in a real browser, for end-to-end tests. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';

import { startBuiltProgram, type ChildProgram } from './child-program';
import { collectPageErrors } from './page-errors';
import { SANDBOX_SWITCH } from './sandbox-switch';
import { makeTemporaryFolder } from './temporary-folder';

const START_TIMEOUT_MS = 60_000;
const ADDRESS = /http:\/\/127\.0\.0\.1:\d+\/\?token=[^\s"']+/;
const BROWSER_NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** No network of its own, no graphics processor. */
const BROWSER_FLAGS = [
  ...SANDBOX_SWITCH,
  '--disable-gpu',
  '--disable-quic',
  '--disable-sync',
  '--disable-background-networking',
  '--disable-component-update',
  '--no-first-run',
];

export interface BrowserAppOptions {
  /** Data folder to use and keep; without it the server gets a new one, deleted on close. */
  dataFolder?: string;
  /** Further arguments of the server. */
  args?: readonly string[];
  /** Size of the page in CSS pixels; 1280 × 800 unless told. */
  viewport?: { width: number; height: number };
}

export interface BrowserApp {
  server: ChildProgram;
  browser: Browser;
  page: Page;
  /** The address that the server printed, with its one-time token. */
  address: string;
  /** Errors of the page so far; grows while it is open. */
  pageErrors: readonly string[];
  /** Closes the browser, stops the server and deletes the temporary folder. */
  close: () => Promise<void>;
}

/** Path of an installed browser. */
export function findBrowser(): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const candidates = BROWSER_NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = candidates.find((file) => existsSync(file));
  if (found === undefined) throw new Error('no browser found: please install chromium');
  return found;
}

/** Opens the page of a server that runs already. */
async function openPage(
  browser: Browser,
  address: string,
  viewport: { width: number; height: number },
): Promise<{ page: Page; pageErrors: string[] }> {
  const context = await browser.newContext({ viewport });
  const pageErrors = collectPageErrors(context);
  const page = await context.newPage();
  await page.goto(address);
  return { page, pageErrors };
}

export async function launchBrowserApp(options: BrowserAppOptions = {}): Promise<BrowserApp> {
  const temporary = makeTemporaryFolder('browser');
  const dataFolder = options.dataFolder ?? temporary.path;
  const args = ['--data-folder', dataFolder, '--port', '0', ...(options.args ?? [])];
  const server = startBuiltProgram('web-server', args);
  let browser: Browser | undefined;
  const close = async (): Promise<void> => {
    await browser?.close();
    await server.stop();
    temporary.remove();
  };
  try {
    const address = await server.waitForOutput(ADDRESS, START_TIMEOUT_MS);
    browser = await chromium.launch({
      executablePath: findBrowser(),
      args: BROWSER_FLAGS,
      chromiumSandbox: SANDBOX_SWITCH.length === 0,
    });
    const viewport = options.viewport ?? { width: 1280, height: 800 };
    return { server, browser, address, close, ...(await openPage(browser, address, viewport)) };
  } catch (error) {
    await close();
    throw error;
  }
}
