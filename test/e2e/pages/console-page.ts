import type { Locator, Page } from 'playwright-core';

import { byTest } from './elements';
import { EventsScreen } from './events-screen';
import { MigrationScreen } from './migration-screen';
import { OverviewScreen } from './overview-screen';
import { Table } from './table';
import { VmForm } from './vm-form';

export type ScreenName =
  'overview' | 'machines' | 'queues' | 'switch' | 'migration' | 'labs' | 'events' | 'settings';

/** The whole page of the console, in a window or in a browser. */
export class ConsolePage {
  readonly page: Page;
  readonly overview: OverviewScreen;
  readonly migration: MigrationScreen;
  readonly events: EventsScreen;
  readonly vms: Table;
  readonly queues: Table;
  readonly hosts: Table;
  readonly vmForm: VmForm;
  readonly emptyState: Locator;
  readonly openSampleLab: Locator;
  /** The dialog that asks before something is lost. */
  readonly question: Locator;
  readonly hostDown: Locator;
  readonly notice: Locator;

  constructor(page: Page) {
    this.page = page;
    this.overview = new OverviewScreen(page);
    this.migration = new MigrationScreen(page);
    this.events = new EventsScreen(page);
    this.vms = new Table(page, 'vm-table');
    this.queues = new Table(page, 'queue-table');
    this.hosts = new Table(page, 'host-table');
    this.vmForm = new VmForm(page);
    this.emptyState = byTest(page, 'empty-state');
    this.openSampleLab = byTest(page, 'open-sample-lab');
    this.question = page.getByRole('alertdialog');
    this.hostDown = byTest(page, 'host-down');
    this.notice = byTest(page, 'notice');
  }

  mark(name: string): Locator {
    return byTest(this.page, name);
  }

  async go(screen: ScreenName): Promise<void> {
    await this.mark(`screen-${screen}`).click();
    await this.page.locator(`[data-test="screen-${screen}"][aria-current="page"]`).waitFor();
  }

  /** Opens the detail panel of a VM, on the screen that lists VMs. */
  async selectVm(name: string): Promise<void> {
    await this.go('machines');
    await this.vms.rows({ vm: name }).click();
    await this.mark('detail-title').filter({ hasText: name }).waitFor();
  }

  /** Accepts what the dialog asks. */
  async accept(): Promise<void> {
    await this.mark('confirm-accept').click();
    await this.question.waitFor({ state: 'detached' });
  }

  /** On the Labs screen: creates a host and waits until its process runs. */
  async createHost(name: string, { memoryMiB }: { memoryMiB: number }): Promise<void> {
    await this.mark('create-host').click();
    await this.mark('host-name').fill(name);
    await this.mark('host-memory').fill(String(memoryMiB));
    await this.mark('host-submit').click();
    await this.hosts.rows({ host: name, state: 'running' }).waitFor();
  }

  /** On the Labs screen: deletes a host that has no VM. */
  async deleteHost(name: string): Promise<void> {
    await this.hosts.rows({ host: name }).click();
    await this.mark('host-delete').click();
    await this.accept();
    await this.hosts.rows({ host: name }).waitFor({ state: 'detached' });
  }

  /** Process id of a host as the Labs screen shows it; undefined while there is none. */
  async processOf(hostName: string): Promise<number | undefined> {
    const [pid = Number.NaN] = await this.hosts.figures('pid', { host: hostName });
    return Number.isNaN(pid) ? undefined : pid;
  }
}
