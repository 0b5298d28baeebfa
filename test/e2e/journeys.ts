/** What is proved in the window and in the browser alike: the same page, the same steps. */
import { expect } from 'vitest';

import { MIGRATION_PHASES } from '../../src/contract/migration';
import { eventually } from '../support/eventually';
import { stillRunning } from '../support/processes';
import type { ConsolePage } from './pages/console-page';
import { focusedMark, tabTo } from './pages/keyboard';

const SAMPLE_VMS = ['db-01', 'db-02', 'web-01', 'web-02'];

/** From the empty state to a lab whose VMs all run on queues of their own. */
export async function openSampleLab(consolePage: ConsolePage): Promise<void> {
  await consolePage.openSampleLab.click();
  await consolePage.emptyState.waitFor({ state: 'detached' });
  await eventually(async () => (await consolePage.overview.vms.texts('name')).sort()).toEqual(
    SAMPLE_VMS,
  );
  await eventually(() => consolePage.overview.vms.rows({ state: 'running' }).count()).toBe(4);
  await expectFrames(consolePage, SAMPLE_VMS);
}

/** Frames reach each of the VMs, which the table of VMs on the screen shows. */
export async function expectFrames(
  consolePage: ConsolePage,
  names: readonly string[],
): Promise<void> {
  for (const name of names) {
    await eventually(
      async () => (await consolePage.vms.figures('rx', { vm: name }))[0],
    ).toBeGreaterThan(0);
  }
}

/** Charts draw what arrives, stand still when they are told to, and show one or five minutes. */
export async function watchCharts(consolePage: ConsolePage): Promise<void> {
  const { cpuChart, rateChart, pauseButton } = consolePage.overview;
  for (const chart of [cpuChart, rateChart]) {
    const points = await chart.points();
    const picture = await chart.picture();
    await eventually(() => chart.points()).toBeGreaterThan(points);
    await eventually(() => chart.picture()).not.toBe(picture);
  }

  await pauseButton.click();
  const paused = await rateChart.picture();
  await expectNewFigures(consolePage, 3);
  expect(await rateChart.picture()).toBe(paused);
  await consolePage.overview.showWindow(5);
  await eventually(() => rateChart.picture()).not.toBe(paused);
  await consolePage.overview.showWindow(1);
  await eventually(() => rateChart.picture()).toBe(paused);
  await pauseButton.click();
  await eventually(() => rateChart.picture()).not.toBe(paused);
}

/** Waits until the figure of received frames has changed so many times: time goes on. */
async function expectNewFigures(consolePage: ConsolePage, times: number): Promise<void> {
  for (let count = 0; count < times; count += 1) {
    const before = await consolePage.overview.framesPerSecond();
    await eventually(() => consolePage.overview.framesPerSecond()).not.toBe(before);
  }
}

/**
 * Compares the modes of the shown host's adapter: progress while its settings wait, then figures of
 * each mode, and the adapter as it was. Three short rounds cannot tell, and say so.
 */
export async function compareModes(consolePage: ConsolePage): Promise<void> {
  await consolePage.go('overview');
  const { bufferMode, vmqSwitch } = consolePage.overview;
  const before = await bufferMode.inputValue();
  await consolePage.mark('experiment-open').click();
  await consolePage.mark('experiment-rounds').fill('3');
  await consolePage.mark('experiment-seconds').fill('0.5');
  await consolePage.mark('experiment-start').click();
  await consolePage.mark('experiment-progress').waitFor();
  expect(await vmqSwitch.isDisabled()).toBe(true);
  await consolePage.mark('experiment-result').waitFor({ timeout: 60_000 });
  await eventually(() => consolePage.mark('experiment-verdict').count()).toBe(2);
  expect(await consolePage.mark('experiment-verdict').first().innerText()).toContain(
    '3 rounds may agree by chance.',
  );
  const cells = await consolePage.mark('experiment-copies').locator('td').allInnerTexts();
  const [shared = 1, ...copied] = cells.map((text) => Number.parseFloat(text));
  // Broadcasts take the default queue, whose thread copies them.
  expect(shared).toBeLessThan(0.1);
  expect(copied).toEqual([1, 1]);
  await consolePage.mark('experiment-close').click();
  await eventually(() => vmqSwitch.isDisabled()).toBe(false);
  expect(await bufferMode.inputValue()).toBe(before);
}

/** Creates a VM without touching the pointer, and sees it run. */
export async function createVmByKeyboard(
  consolePage: ConsolePage,
  vm: { name: string; mac: string },
): Promise<void> {
  const { keyboard } = consolePage.page;
  await keyboard.press('3');
  await consolePage.mark('vm-filter').waitFor();
  await keyboard.press('c');
  await eventually(() => focusedMark(consolePage.page)).toBe('vm-name');
  await keyboard.type(vm.name);
  await tabTo(consolePage.page, 'vm-mac');
  await keyboard.type(vm.mac);
  await tabTo(consolePage.page, 'vm-vlan');
  await keyboard.type('10');
  await tabTo(consolePage.page, 'vm-submit');
  await keyboard.press('Enter');
  await consolePage.vmForm.root.waitFor({ state: 'detached' });
  await eventually(() => consolePage.mark('detail-title').innerText()).toBe(vm.name);
  await eventually(() => consolePage.vms.rows({ vm: vm.name, state: 'running' }).count()).toBe(1);
  expect(await consolePage.vms.texts('mac', { vm: vm.name })).toEqual([vm.mac]);
  expect(await consolePage.vms.texts('vlan', { vm: vm.name })).toEqual(['10']);
  await eventually(async () => (await consolePage.vms.texts('queue', { vm: vm.name }))[0]).toMatch(
    /^queue \d+$/,
  );
}

/** Moves a running VM by the wizard, watches it move, and reads what it cost. */
export async function migrate(consolePage: ConsolePage, vm: string, target: string): Promise<void> {
  const { migration } = consolePage;
  await consolePage.go('migration');
  await migration.openWizard(vm);
  await migration.target(target).locator('input').check();
  expect(await migration.checks(target, 'pass').count()).toBeGreaterThan(0);
  expect(await migration.checks(target, 'fail').count()).toBe(0);
  // Slow enough to be watched, and then let go.
  await migration.option('bandwidth').fill('1');
  const progress = migration.progress.waitFor();
  await migration.startButton.click();
  await progress;
  await watchMigration(consolePage);
  await migration.result.waitFor();

  expect(await migration.result.getAttribute('data-outcome')).toBe('completed');
  expect(await migration.verdict.innerText()).toBe(`${vm} runs on ${target} now.`);
  expect(await migration.phaseNames()).toEqual([...MIGRATION_PHASES]);
  for (const figure of ['downtime', 'silence', 'bytes', 'rate'])
    expect(await migration.figure(figure), figure).toBeGreaterThan(0);
  expect(await migration.figure('rounds')).toBeGreaterThan(1);
  expect(await migration.rounds.rows().count()).toBe(await migration.figure('rounds'));
  for (const fate of ['lost', 'duplicated', 'reordered'])
    expect(await migration.eachWay(fate), fate).toEqual([0, 0]);
  await eventually(() => migration.history.rows({ outcome: 'completed' }).count()).toBe(1);
  await eventually(() => migration.queue(target).getAttribute('data-state')).toBe('Running');

  await consolePage.go('machines');
  await eventually(() => consolePage.vms.texts('host', { vm })).toEqual([target]);
  await eventually(() => consolePage.vms.rows({ vm, state: 'running' }).count()).toBe(1);
  await expectFrames(consolePage, [vm]);
}

/** While it moves, its chart runs; a limit is lifted, and it takes effect. */
async function watchMigration(consolePage: ConsolePage): Promise<void> {
  const { migration } = consolePage;
  const points = await migration.chart.points();
  await eventually(() => migration.chart.points()).toBeGreaterThan(points);
  expect(await migration.progress.isVisible()).toBe(true);
  expect(await consolePage.mark('limit-bandwidth').inputValue()).toBe('1');
  await consolePage.mark('limit-bandwidth').fill('');
  await consolePage.mark('limits-apply').click();
}

/** Kills a host's process; the page says so, and the host comes back with its VMs. */
export async function killHost(
  consolePage: ConsolePage,
  host: string,
  vms: string[],
): Promise<void> {
  await consolePage.go('labs');
  const killed = await consolePage.processOf(host);
  if (killed === undefined) throw new Error(`${host} has no process`);
  const told = consolePage.hostDown.filter({ hasText: `${host} is being restarted.` }).waitFor();
  process.kill(killed, 'SIGKILL');
  await told;
  await consolePage.hostDown.waitFor({ state: 'detached' });
  await eventually(() => consolePage.hosts.rows({ host, state: 'running' }).count()).toBe(1);
  expect(stillRunning([killed])).toEqual([]);
  expect(await consolePage.processOf(host)).not.toBe(killed);
  expect(await consolePage.hosts.figures('restarts', { host })).toEqual([1]);

  await consolePage.go('machines');
  for (const vm of vms) {
    await eventually(() => consolePage.vms.rows({ vm, state: 'running' }).count()).toBe(1);
  }
  await expectFrames(consolePage, vms);
  await consolePage.go('events');
  await consolePage.events.filter(`${host} restarted`);
  await eventually(async () => (await consolePage.events.shown()).map(({ type }) => type)).toEqual(
    expect.arrayContaining(['process/crashed', 'process/restarted']),
  );
}
