import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { launchBrowserApp, type BrowserApp } from '../support/browser-app';
import { eventually } from '../support/eventually';
import { descendantsOf, stillRunning } from '../support/processes';
import * as journeys from './journeys';
import { ConsolePage } from './pages/console-page';

let app: BrowserApp;
let consolePage: ConsolePage;

/** What a visitor without the session's cookie gets. */
async function visitAsStranger(address: string): Promise<{ status: number; text: string }> {
  const context = await app.browser.newContext();
  try {
    const page = await context.newPage();
    const response = await page.goto(address);
    return { status: response?.status() ?? 0, text: await page.innerText('body') };
  } finally {
    await context.close();
  }
}

describe('browser mode', () => {
  beforeAll(async () => {
    app = await launchBrowserApp();
    consolePage = new ConsolePage(app.page);
  });
  afterEach(() => expect(app.pageErrors).toEqual([]));
  afterAll(() => app.close());

  it('lets in the first visitor with the printed address, and nobody without its cookie', async () => {
    await consolePage.emptyState.waitFor();
    expect(app.page.url()).not.toContain('token');
    const { origin } = new URL(app.address);
    for (const address of [app.address, `${origin}/`]) {
      const { status, text } = await visitAsStranger(address);
      expect(status).toBe(401);
      expect(text).toContain('no longer valid');
    }
  });

  it('gives the page nothing but what browsers have', async () => {
    const seen = await app.page.evaluate(() => ({
      bridge: 'vmqConsole' in window,
      cookies: document.cookie,
      isIsolated: crossOriginIsolated,
    }));
    expect(seen).toEqual({ bridge: false, cookies: '', isIsolated: true });
  });

  it('opens the sample lab, and frames flow', async () => {
    expect(await consolePage.emptyState.locator('[data-test="create-vm"]').isVisible()).toBe(true);
    await journeys.openSampleLab(consolePage);
    await eventually(() => consolePage.overview.framesPerSecond()).toBeGreaterThan(0);
  });

  it('moves its charts, holds them still, and shows one or five minutes', async () => {
    await journeys.watchCharts(consolePage);
  });

  it('compares the modes of an adapter with the traffic that flows', async () => {
    await journeys.compareModes(consolePage);
  });

  it('creates a VM by keyboard alone', async () => {
    await journeys.createVmByKeyboard(consolePage, { name: 'typed-01', mac: '02:00:5e:10:00:77' });
  });

  it('keeps screen and selection in the address, through reload and back', async () => {
    await consolePage.selectVm('web-02');
    await app.page.reload();
    await eventually(() => consolePage.mark('detail-title').innerText()).toBe('web-02');
    await journeys.expectFrames(consolePage, ['web-02']);
    await consolePage.go('events');
    await app.page.goBack();
    await eventually(() => consolePage.mark('detail-title').innerText()).toBe('web-02');
  });

  it('migrates a VM through all phases and says what it cost', async () => {
    await journeys.migrate(consolePage, 'web-01', 'Host B');
  });

  it('shows a host whose process was killed, and starts it again', async () => {
    await journeys.killHost(consolePage, 'Host B', ['web-01', 'web-02', 'db-02']);
  });

  it('ends on Ctrl-C with exit code 0 and leaves no process behind', async () => {
    const { server } = app;
    const pids = descendantsOf(server.process.pid ?? 0);
    expect(pids.length).toBeGreaterThanOrEqual(3);
    await app.page.close();
    expect(await server.stop('SIGINT')).toBe(0);
    await eventually(() => stillRunning(pids)).toEqual([]);
  });
});
