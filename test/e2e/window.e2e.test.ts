import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { launchElectronApp, type ElectronApp } from '../support/electron-app';
import { eventually } from '../support/eventually';
import { descendantsOf, stillRunning } from '../support/processes';
import { readRepositoryText, repositoryFiles } from '../support/repository';
import { saveElement, saveScreenshot } from '../support/screenshots';
import { makeTemporaryFolder } from '../support/temporary-folder';
import * as journeys from './journeys';
import { ConsolePage } from './pages/console-page';
import { tabTo, tabToVm } from './pages/keyboard';
import { Table } from './pages/table';

const PICTURE_SIZE = { width: 1440, height: 900 };
/** Columns of half a second in a chart of the README's picture. */
const PICTURE_COLUMNS = 40;

const folder = makeTemporaryFolder('window-data');
const dataFolder = folder.path;
let app: ElectronApp;
let consolePage: ConsolePage;

async function openWindow(): Promise<void> {
  app = await launchElectronApp({ dataFolder });
  consolePage = new ConsolePage(app.window);
  await app.application.evaluate(({ BrowserWindow }, { width, height }) => {
    BrowserWindow.getAllWindows()[0]?.setContentSize(width, height);
  }, PICTURE_SIZE);
}

/** Globals by which libraries know their other copies. */
const MARK_OF_LIBRARY = /^__(vue|vueuse|zod)_/i;
const SECURITY_PREFERENCES = [
  'sandbox',
  'contextIsolation',
  'nodeIntegration',
  'nodeIntegrationInWorker',
  'nodeIntegrationInSubFrames',
  'webSecurity',
  'webviewTag',
];

/** What Electron made of the preferences of each window; one that it leaves out is off. */
function readPreferences(): Promise<Record<string, unknown>[]> {
  return app.application.evaluate(({ BrowserWindow }, names) => {
    interface Inspectable {
      /** Electron has it for its own tests; its types do not list it. */
      getLastWebPreferences(): Record<string, unknown>;
    }
    return BrowserWindow.getAllWindows().map((window) => {
      const contents = window.webContents as unknown as Inspectable;
      const preferences = contents.getLastWebPreferences();
      return Object.fromEntries(names.map((name) => [name, preferences[name] ?? false]));
    });
  }, SECURITY_PREFERENCES);
}

/** Closes the window as its reader does: it ends in order, and none of its processes is left. */
async function expectCleanEnd(): Promise<void> {
  const main = app.application.process();
  const pids = [main.pid ?? 0, ...descendantsOf(main.pid ?? 0)];
  expect(pids.length).toBeGreaterThan(3);
  await app.close();
  expect(main.exitCode).toBe(0);
  expect(app.output()).not.toMatch(/unhandled|uncaught/i);
  await eventually(() => stillRunning(pids)).toEqual([]);
}

interface Download {
  readonly name: string;
  readonly bytes: Buffer;
}

/** What a click saves, without the dialog that asks where to. */
async function download(save: () => Promise<void>): Promise<Download> {
  const downloads = makeTemporaryFolder('downloads');
  try {
    await app.application.evaluate(({ session }, folderPath) => {
      session.defaultSession.once('will-download', (_event, item) => {
        item.setSavePath(`${folderPath}/${item.getFilename()}`);
      });
    }, downloads.path);
    await save();
    const names = (): string[] =>
      readdirSync(downloads.path).filter((name) => !name.endsWith('.crdownload'));
    await eventually(() => names().length).toBe(1);
    const [name = ''] = names();
    await eventually(() => readFileSync(join(downloads.path, name)).length).toBeGreaterThan(0);
    return { name, bytes: readFileSync(join(downloads.path, name)) };
  } finally {
    downloads.remove();
  }
}

/** The shown host has so many queues, and each of them receives frames. */
async function expectFramesInQueues(count: number): Promise<void> {
  await eventually(async () => {
    const figures = await consolePage.queues.figures('frames');
    return figures.filter((figure) => figure > 0).length;
  }).toBe(count);
}

afterEach(() => expect(app.pageErrors).toEqual([]));
afterAll(() => folder.remove());

describe('the window', () => {
  beforeAll(openWindow);
  afterAll(() => app.close());

  it('keeps its page apart from Node and from the system', async () => {
    expect(await readPreferences()).toEqual([
      {
        sandbox: true,
        contextIsolation: true,
        nodeIntegration: false,
        nodeIntegrationInWorker: false,
        nodeIntegrationInSubFrames: false,
        webSecurity: true,
        webviewTag: false,
      },
    ]);

    const seen = await app.window.evaluate(async () => {
      const plain = document.body.appendChild(document.createElement('iframe'));
      const usual = new Set(Object.getOwnPropertyNames(plain.contentWindow));
      plain.remove();
      const names = ['require', 'process', 'module', 'Buffer', 'global', 'electron', 'ipcRenderer'];
      const notifications = await navigator.permissions.query({ name: 'notifications' });
      return {
        ofNode: names.filter((name) => name in window),
        ofItsOwn: Object.getOwnPropertyNames(window).filter((name) => !usual.has(name)),
        bridge: Object.keys(Reflect.get(window, 'vmqConsole') as object).sort(),
        origin: location.origin,
        opened: window.open('about:blank'),
        notifications: notifications.state,
      };
    });
    expect(seen.ofNode).toEqual([]);
    expect(seen.ofItsOwn.filter((name) => !MARK_OF_LIBRARY.test(name))).toEqual(['vmqConsole']);
    expect(seen.bridge).toEqual(['connect', 'electronVersion', 'platform']);
    expect(seen.origin).toBe('app://vmq-console');
    expect(seen.opened).toBeNull();
    expect(seen.notifications).toBe('denied');
  });

  it('gives up the sandbox of Chromium for root only, and never in a package', async () => {
    const args = await app.application.evaluate(() => process.argv);
    expect(args.includes('--no-sandbox')).toBe(process.getuid?.() === 0);
    const lines = (files: RegExp): string[] =>
      repositoryFiles()
        .filter((file) => files.test(file))
        .flatMap((file) => readRepositoryText(file).split('\n'))
        .filter((line) => /--no-?sandbox/i.test(line));
    expect(lines(/^(src|resources)\/|^electron[-.]|^package\.json$/)).toEqual([]);
    const inDevelopment = lines(/^(scripts|tools|test\/support)\//);
    expect(inDevelopment.length).toBeGreaterThan(0);
    expect(inDevelopment.filter((line) => !line.includes('getuid?.() === 0 ?'))).toEqual([]);
  });

  it('offers the sample lab and a first VM while the lab is empty', async () => {
    await consolePage.emptyState.waitFor();
    expect(await consolePage.openSampleLab.isEnabled()).toBe(true);
    await consolePage.emptyState.locator('[data-test="create-vm"]').click();
    await consolePage.vmForm.root.waitFor();
    await app.window.keyboard.press('Escape');
    await consolePage.vmForm.root.waitFor({ state: 'detached' });
  });

  it('opens the sample lab, and frames flow through a queue for each VM', async () => {
    await consolePage.go('settings');
    await consolePage.mark('theme-light').click();
    await consolePage.go('overview');
    await journeys.openSampleLab(consolePage);
    expect(await consolePage.overview.queues.headings()).toEqual([
      'Queue',
      'VM',
      'MAC',
      'VLAN',
      'State',
      'CPU',
      'Frames/s',
      'Mbit/s',
      'Drops',
      'Interrupts/s',
      'Frames/ind.',
      'Buffers',
    ]);
    for (const [host, vms] of [
      ['Host A', ['db-01', 'web-01']],
      ['Host B', ['db-02', 'web-02']],
    ] as const) {
      await consolePage.overview.showHost(host);
      const running = { host, state: 'Running' };
      await eventually(async () => (await consolePage.queues.texts('vm', running)).sort()).toEqual([
        'all others',
        ...vms,
      ]);
      await expectFramesInQueues(3);
      await eventually(() => consolePage.overview.framesPerSecond()).toBeGreaterThan(0);
    }
    await consolePage.overview.showHost('Host A');
  });

  it('moves its charts, holds them still, and shows one or five minutes', async () => {
    await journeys.watchCharts(consolePage);
    await eventually(() => consolePage.overview.rateChart.points()).toBeGreaterThan(
      PICTURE_COLUMNS * 3,
    );
    await app.window.mouse.move(0, 0);
    await saveScreenshot(app.window, 'overview');
  });

  it('turns queues off and on and moves their buffers while frames flow', async () => {
    const { vmqSwitch, bufferMode, queuesUsed } = consolePage.overview;
    await eventually(() => queuesUsed.innerText()).toBe('2');

    await vmqSwitch.click();
    await eventually(() => consolePage.queues.texts('vm')).toEqual(['all others']);
    await eventually(() => queuesUsed.innerText()).toBe('0');
    await expectFramesInQueues(1);
    await journeys.expectFrames(consolePage, ['web-01', 'db-01']);

    await vmqSwitch.click();
    await eventually(() => consolePage.queues.rows({ state: 'Running' }).count()).toBe(3);
    await eventually(() => queuesUsed.innerText()).toBe('2');
    await expectFramesInQueues(3);

    for (const [mode, words] of [
      ['host-buffers', 'host buffers'],
      ['shared-memory', 'VM memory'],
    ] as const) {
      await bufferMode.selectOption(mode);
      await eventually(() => consolePage.queues.texts('buffers')).toEqual([
        'host buffers',
        words,
        words,
      ]);
      await expectFramesInQueues(3);
      await journeys.expectFrames(consolePage, ['web-01', 'db-01']);
    }
  });

  it('shows filters, requests and capabilities, and a queue as text', async () => {
    await consolePage.go('queues');
    const filters = new Table(app.window, 'filter-table');
    const requests = new Table(app.window, 'request-table');
    await consolePage.mark('tab-filters').click();
    await eventually(() => filters.rows().count()).toBe(2);
    expect((await filters.texts('vlan')).sort()).toEqual(['10', '20']);

    await consolePage.mark('tab-requests').click();
    const allocations = { oid: 'OID_RECEIVE_FILTER_ALLOCATE_QUEUE', status: 'NDIS_STATUS_SUCCESS' };
    await eventually(() => requests.rows(allocations).count()).toBeGreaterThanOrEqual(2);
    await consolePage.mark('request-filter').fill('set_filter');
    await eventually(() => requests.rows(allocations).count()).toBe(0);
    expect(await requests.rows({ oid: 'OID_RECEIVE_FILTER_SET_FILTER' }).count()).toBeGreaterThan(
      0,
    );

    await consolePage.mark('tab-capabilities').click();
    const numQueues = app.window.locator('[data-test="capability"][data-field="NumQueues"] td');
    await eventually(() => numQueues.nth(1).innerText()).toBe('16');

    await consolePage.mark('tab-queues').click();
    await consolePage.queues.rows({ state: 'Running' }).nth(1).click();
    expect(await consolePage.mark('queue-states').getAttribute('data-state')).toBe('Running');
    await consolePage.mark('queue-dump').click();
    await eventually(() => consolePage.mark('queue-dump-text').innerText()).toMatch(
      /^Receive queue \d+ of nic-a/,
    );
    const text = await consolePage.mark('queue-dump-text').innerText();
    await consolePage.mark('queue-dump-copy').click();
    await eventually(() =>
      app.application.evaluate(({ clipboard }) => clipboard.readText()),
    ).toContain(text.split('\n')[0]);
    await consolePage.mark('detail-close').click();
  });

  it('pauses an adapter, and lets it go on with its queues as they were', async () => {
    await consolePage.go('overview');
    await consolePage.mark('adapter-panel').locator('h2 button').click();
    await consolePage.mark('adapter-pause').click();
    await consolePage.accept();
    await eventually(() => consolePage.mark('adapter-pause').isDisabled()).toBe(true);
    await eventually(() => consolePage.overview.framesPerSecond()).toBe(0);
    await consolePage.mark('adapter-restart').click();
    await expectFramesInQueues(3);
    await consolePage.mark('detail-close').click();
  });

  it('creates a VM by keyboard alone', async () => {
    await journeys.createVmByKeyboard(consolePage, { name: 'typed-01', mac: '02:00:5e:10:00:77' });
  });

  it('refuses a MAC address of the other host at its field', async () => {
    await consolePage.go('machines');
    await consolePage.mark('create-vm').click();
    const { vmForm } = consolePage;
    await vmForm.field('host').selectOption({ label: 'Host A' });
    await vmForm.field('mac').fill('02:00:5E:10:00:02');
    await vmForm.submitButton.click();
    await vmForm.error('mac').waitFor();
    expect(await vmForm.error('mac').innerText()).toContain('web-02');
    expect(await vmForm.field('mac').getAttribute('aria-invalid')).toBe('true');
    await app.window.keyboard.press('Escape');
    await vmForm.root.waitFor({ state: 'detached' });
    expect(await consolePage.vms.rows().count()).toBe(5);
  });

  it('stops, edits, starts and deletes a VM, and asks before it deletes', async () => {
    await consolePage.mark('create-vm').click();
    await consolePage.vmForm.field('name').fill('spare-01');
    await consolePage.vmForm.submit();
    await eventually(() => consolePage.vms.rows({ vm: 'spare-01', state: 'running' }).count()).toBe(
      1,
    );
    expect(await consolePage.mark('vm-delete').isDisabled()).toBe(true);

    await consolePage.mark('vm-stop').click();
    await eventually(() => consolePage.vms.rows({ vm: 'spare-01', state: 'stopped' }).count()).toBe(
      1,
    );
    await consolePage.mark('vm-edit').click();
    await consolePage.vmForm.field('name').fill('spare-02');
    await consolePage.vmForm.field('memory').fill('32');
    await consolePage.vmForm.submit();
    await eventually(() => consolePage.vms.figures('memory', { vm: 'spare-02' })).toEqual([32]);
    await consolePage.mark('vm-start').click();
    await eventually(() => consolePage.vms.rows({ vm: 'spare-02', state: 'running' }).count()).toBe(
      1,
    );
    await consolePage.mark('vm-stop').click();
    await eventually(() => consolePage.vms.rows({ vm: 'spare-02', state: 'stopped' }).count()).toBe(
      1,
    );

    await consolePage.mark('vm-delete').click();
    await consolePage.question.filter({ hasText: 'Delete spare-02?' }).waitFor();
    await consolePage.mark('confirm-cancel').click();
    await consolePage.question.waitFor({ state: 'detached' });
    expect(await consolePage.vms.rows({ vm: 'spare-02' }).count()).toBe(1);
    await consolePage.mark('vm-delete').click();
    await consolePage.accept();
    await eventually(() => consolePage.vms.rows({ vm: 'spare-02' }).count()).toBe(0);
  });

  it('keeps a target that cannot take the VM in the list, with the reason', async () => {
    await consolePage.go('labs');
    await consolePage.createHost('Host C', { memoryMiB: 64 });
    await consolePage.go('migration');
    const { migration } = consolePage;
    await migration.openWizard('web-01');
    await migration.target('Host C').waitFor();
    expect(await migration.target('Host C').getAttribute('data-possible')).toBe('false');
    expect(await migration.target('Host C').locator('input').isDisabled()).toBe(true);
    expect(await migration.target('Host C').innerText()).toMatch(/needs \d+ MiB on Host C/);
    await migration.target('Host C').locator('summary').click();
    await eventually(() => migration.checks('Host C', 'fail').count()).toBe(1);
    expect(await migration.target('Host B').getAttribute('data-possible')).toBe('true');
    await app.window.mouse.move(0, 0);
    await saveScreenshot(app.window, 'migration-wizard');

    await consolePage.go('labs');
    await consolePage.deleteHost('Host C');
  });

  it('migrates a VM through all phases and says what it cost', async () => {
    await journeys.migrate(consolePage, 'web-01', 'Host B');
  });

  it('copies the result, saves its picture, and exports the history', async () => {
    await consolePage.go('migration');
    await consolePage.migration.result.waitFor();
    await consolePage.mark('result-copy').click();
    await eventually(() =>
      app.application.evaluate(({ clipboard }) => clipboard.readText()),
    ).toContain('web-01: Host A → Host B (completed)');

    const picture = await download(() => consolePage.mark('result-picture').click());
    expect(picture.name).toMatch(/^migration-web-01-.*\.png$/);
    // Width and height stand at the begin of every PNG.
    expect(picture.bytes.toString('latin1', 1, 4)).toBe('PNG');
    expect(picture.bytes.readUInt32BE(16)).toBeGreaterThan(1000);
    expect(picture.bytes.readUInt32BE(20)).toBeGreaterThan(500);

    const json = await download(() => consolePage.mark('history-json').click());
    const { migrations } = JSON.parse(json.bytes.toString()) as { migrations: unknown[] };
    expect(migrations).toMatchObject([
      { vmName: 'web-01', fromHost: 'Host A', toHost: 'Host B', outcome: 'completed' },
    ]);
    const csv = await download(() => consolePage.mark('history-csv').click());
    const lines = csv.bytes.toString().trimEnd().split('\r\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain('downtime_ms');
    expect(lines[1]).toContain('web-01');
  });

  it('migrates the VM back with the options of the way there', async () => {
    const { migration } = consolePage;
    await consolePage.mark('migrate-back').click();
    await migration.target('Host A').locator('input:checked').waitFor();
    expect(await migration.option('bandwidth').inputValue()).toBe('');
    await migration.startButton.click();
    await eventually(() => migration.history.rows({ outcome: 'completed' }).count()).toBe(2);
    await eventually(() => migration.verdict.innerText()).toBe('web-01 runs on Host A now.');
  });

  it('migrates the VM by keyboard alone, at full speed', async () => {
    const { migration } = consolePage;
    await app.window.keyboard.press('m');
    await migration.wizard.waitFor();
    await tabToVm(app.window, 'migrate-vm', 'web-01');
    await app.window.keyboard.press('Space');
    await migration.target('Host B').locator('input:checked').waitFor();
    await tabTo(app.window, 'migrate-start');
    await app.window.keyboard.press('Enter');
    await eventually(() => migration.history.rows({ outcome: 'completed' }).count()).toBe(3);
    await eventually(() => migration.verdict.innerText()).toBe('web-01 runs on Host B now.');
    await eventually(() => migration.queue('Host B').getAttribute('data-state')).toBe('Running');
    // The course goes on for a moment after the end; the picture is taken when it stands still.
    await eventually(() => migration.chart.root.getAttribute('data-final')).toBe('true');
    await app.window.mouse.move(0, 0);
    await saveScreenshot(app.window, 'migration');
    await saveElement(migration.card, 'migration-result');
  });

  it('lists events with time, object and cause', async () => {
    await consolePage.go('events');
    await consolePage.events.filter('web-01');
    const events = await consolePage.events.shown();
    expect(events.length).toBeGreaterThan(2);
    for (const event of events) {
      expect(Date.parse(event.time)).toBeGreaterThan(Date.now() - 600_000);
      expect(event.text).not.toBe('');
      expect(event.cause).not.toBe('');
    }
    expect(new Set(events.map(({ object }) => object))).toContain('web-01');
  });

  it('shows a host whose process was killed, and starts it again', async () => {
    await journeys.killHost(consolePage, 'Host B', ['web-01', 'web-02', 'db-02']);
  });

  it('leaves no process behind when it is closed', expectCleanEnd);
});

describe('a window that is opened again', () => {
  beforeAll(openWindow);
  afterAll(() => app.close());

  it('shows the lab as it was left, at work', async () => {
    await consolePage.go('machines');
    const names = ['db-01', 'db-02', 'typed-01', 'web-01', 'web-02'];
    await eventually(async () => (await consolePage.vms.texts('name')).sort()).toEqual(names);
    await eventually(() => consolePage.vms.rows({ state: 'running' }).count()).toBe(5);
    expect(await consolePage.vms.texts('host', { vm: 'web-01' })).toEqual(['Host B']);
    expect(await consolePage.vms.texts('mac', { vm: 'typed-01' })).toEqual(['02:00:5e:10:00:77']);
    await journeys.expectFrames(consolePage, ['web-01', 'web-02', 'db-01', 'db-02']);
    await expectCleanEnd();
  });
});

describe('a window over a damaged inventory', () => {
  const damage = '{ "schema": 1, "hosts": [';

  beforeAll(async () => {
    writeFileSync(join(dataFolder, 'inventory.json'), damage);
    await openWindow();
  });
  afterAll(() => app.close());

  it('starts empty, keeps the damaged file, and says so until it is dismissed', async () => {
    await consolePage.notice.waitFor();
    const kept = readdirSync(dataFolder).filter((name) => name.startsWith('inventory.damaged-'));
    expect(kept).toHaveLength(1);
    expect(readFileSync(join(dataFolder, kept[0] ?? ''), 'utf8')).toBe(damage);
    expect(await consolePage.notice.getAttribute('data-code')).toBe('inventory-damaged');
    expect(await consolePage.notice.innerText()).toContain(kept[0]);
    await consolePage.emptyState.waitFor();

    await consolePage.notice.getByTitle('Dismiss').click();
    await consolePage.notice.waitFor({ state: 'detached' });
  });

  it('creates a host with the first VM', async () => {
    await consolePage.emptyState.locator('[data-test="create-vm"]').click();
    await consolePage.vmForm.submit();
    await eventually(() => consolePage.vms.rows({ vm: 'vm-1', state: 'running' }).count()).toBe(1);
    expect(await consolePage.vms.texts('host')).toEqual(['Host A']);
    await expectCleanEnd();
  });
});
