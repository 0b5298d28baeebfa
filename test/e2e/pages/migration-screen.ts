import type { Locator, Page } from 'playwright-core';

import { byTest, readFigure } from './elements';
import { Table } from './table';

/** Moves a VM and says what it cost. */
export class MigrationScreen {
  readonly progress: Locator;
  readonly result: Locator;
  readonly history: Table;
  readonly phases: Locator;
  readonly startButton: Locator;
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
    this.progress = byTest(page, 'migration-progress');
    this.result = byTest(page, 'migration-result');
    this.history = new Table(page, 'migration-history');
    this.phases = byTest(page, 'migration-phase').locator('li');
    this.startButton = byTest(page, 'migrate-start');
  }

  async choose(vmName: string, hostName: string): Promise<void> {
    const chooser = byTest(this.#page, 'migrate-vm');
    const option = chooser.locator('option', { hasText: `${vmName},` });
    await chooser.selectOption((await option.getAttribute('value')) ?? '');
    await this.target(hostName).locator('input').check();
  }

  target(hostName: string): Locator {
    return this.#page.locator(`[data-test="migrate-target"][data-host="${hostName}"]`);
  }

  /** One of the figures of the result: `downtime`, `bytes`, `rounds`, `lost` … */
  async figure(name: string): Promise<number> {
    return readFigure(await byTest(this.#page, `migration-${name}`).innerText());
  }

  figureText(name: string): Promise<string> {
    return byTest(this.#page, `migration-${name}`).innerText();
  }

  /** Phases that were passed, with how long each took. */
  phaseNames(): Promise<string[]> {
    return this.phases.evaluateAll((items) =>
      items.map((item) => item.getAttribute('data-phase') ?? ''),
    );
  }
}
