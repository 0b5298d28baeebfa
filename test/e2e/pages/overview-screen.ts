import type { Locator, Page } from 'playwright-core';

import { Chart } from './chart';
import { byTest, readFigure } from './elements';
import { Table } from './table';

/** The first screen: figures, charts, VMs, queues and adapters of one host. */
export class OverviewScreen {
  readonly vms: Table;
  readonly queues: Table;
  readonly cpuChart: Chart;
  readonly rateChart: Chart;
  readonly pauseButton: Locator;
  readonly vmqSwitch: Locator;
  readonly bufferMode: Locator;
  readonly queuesUsed: Locator;
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
    this.vms = new Table(page, 'vm-table');
    this.queues = new Table(page, 'queue-table');
    this.cpuChart = new Chart(byTest(page, 'cpu-chart'));
    this.rateChart = new Chart(byTest(page, 'rate-chart'));
    this.pauseButton = byTest(page, 'chart-pause');
    this.vmqSwitch = byTest(page, 'vmq-toggle');
    this.bufferMode = byTest(page, 'buffer-mode');
    this.queuesUsed = byTest(page, 'queues-used');
  }

  /** Frames per second that the shown host receives now. */
  async framesPerSecond(): Promise<number> {
    return readFigure(await byTest(this.#page, 'metric-frames').innerText());
  }

  async showHost(name: string): Promise<void> {
    await byTest(this.#page, 'host-chooser').selectOption({ label: name });
  }

  async showWindow(minutes: 1 | 5): Promise<void> {
    await byTest(this.#page, `chart-window-${String(minutes)}m`).click();
  }
}
