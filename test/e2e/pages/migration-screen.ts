import type { Locator, Page } from 'playwright-core';

import { Chart } from './chart';
import { byTest, readFigure } from './elements';
import { Table } from './table';

/** Moves VMs, shows how they move, and says what it cost. */
export class MigrationScreen {
  readonly wizard: Locator;
  readonly startButton: Locator;
  readonly progress: Locator;
  readonly result: Locator;
  readonly verdict: Locator;
  /** The whole card with its buttons, as it is kept. */
  readonly card: Locator;
  readonly chart: Chart;
  readonly history: Table;
  readonly rounds: Table;
  readonly phases: Locator;
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
    this.wizard = byTest(page, 'migration-form');
    this.startButton = byTest(page, 'migrate-start');
    this.progress = byTest(page, 'migration-progress');
    this.result = byTest(page, 'migration-result');
    this.verdict = byTest(page, 'migration-verdict');
    this.card = byTest(page, 'migration-card');
    this.chart = new Chart(byTest(page, 'migration-chart'));
    this.history = new Table(page, 'migration-history');
    this.rounds = new Table(page, 'round-table');
    this.phases = byTest(page, 'migration-phase').locator('li');
  }

  /** Opens the wizard unless it stands open, and chooses one VM alone. */
  async openWizard(vmName: string): Promise<void> {
    if (!(await this.wizard.isVisible())) await byTest(this.#page, 'migration-new').click();
    const boxes = byTest(this.wizard, 'migrate-vm');
    await boxes.first().waitFor();
    for (const box of await boxes.all()) {
      const isMeant = (await box.getAttribute('data-vm')) === vmName;
      if (isMeant || (await box.isEnabled())) await box.setChecked(isMeant);
    }
  }

  /** A host as a target; it is there once every host was checked. */
  target(hostName: string): Locator {
    return byTest(this.#page, 'migrate-target').and(
      this.#page.locator(`[data-host="${hostName}"]`),
    );
  }

  /** Checks of a target's pre-flight with one result: `pass`, `warning` or `fail`. */
  checks(hostName: string, result: string): Locator {
    return byTest(this.target(hostName), 'preflight-check').and(
      this.#page.locator(`[data-result="${result}"]`),
    );
  }

  option(name: string): Locator {
    return byTest(this.wizard, `option-${name}`);
  }

  /** The VM's receive queue on a host: its drawn state machine. */
  queue(hostName: string): Locator {
    return byTest(
      byTest(this.#page, 'migration-queue').and(this.#page.locator(`[data-host="${hostName}"]`)),
      'queue-states',
    );
  }

  /** One of the figures of the result: `downtime`, `silence`, `bytes`, `rounds` … */
  async figure(name: string): Promise<number> {
    return readFigure(await byTest(this.#page, `migration-${name}`).innerText());
  }

  /** Probe frames to the VM and from it, by what became of them: `lost`, `duplicated`, `reordered`. */
  async eachWay(name: string): Promise<number[]> {
    const cells = await byTest(this.#page, `migration-${name}`).locator('td').allInnerTexts();
    return cells.map(readFigure);
  }

  /** Phases that were passed, with how long each took. */
  phaseNames(): Promise<string[]> {
    return this.phases.evaluateAll((items) =>
      items.map((item) => item.getAttribute('data-phase') ?? ''),
    );
  }
}
