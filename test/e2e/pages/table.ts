import type { Locator, Page } from 'playwright-core';

import { byTest, readFigure } from './elements';

/** A table of the page: rows are found by their data attributes, cells by their columns. */
export class Table {
  readonly root: Locator;

  constructor(page: Page, name: string) {
    this.root = byTest(page, name);
  }

  /** Rows with all of the given data attributes, for example `{ vm: 'web-01' }`. */
  rows(marks: Readonly<Record<string, string>> = {}): Locator {
    const conditions = Object.entries(marks).map(([mark, value]) => `[data-${mark}="${value}"]`);
    return this.root.locator(`tbody tr${conditions.join('')}`);
  }

  headings(): Promise<string[]> {
    return this.root.locator('thead th').allInnerTexts();
  }

  /** Text of one column, row by row. */
  async texts(column: string, marks: Readonly<Record<string, string>> = {}): Promise<string[]> {
    const cells = this.rows(marks).locator(`td[data-column="${column}"]`);
    return (await cells.allInnerTexts()).map((text) => text.trim());
  }

  /** Figures of one column, row by row. */
  async figures(column: string, marks: Readonly<Record<string, string>> = {}): Promise<number[]> {
    return (await this.texts(column, marks)).map(readFigure);
  }
}
