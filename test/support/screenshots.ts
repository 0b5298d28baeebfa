/** Pictures that a test run makes. They go to `test-results/`; with VMQ_SCREENSHOTS=1 also to `docs/images/`. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Locator, Page } from 'playwright-core';

import { REPOSITORY_ROOT } from './repository';

/** Saves what the page shows now as `NAME.png`. */
export async function saveScreenshot(page: Page, name: string): Promise<void> {
  const file = pathOf(name);
  await page.screenshot({ path: file });
  publish(file, name);
}

/** Saves one element of the page as `NAME.png`. */
export async function saveElement(element: Locator, name: string): Promise<void> {
  const file = pathOf(name);
  await element.screenshot({ path: file });
  publish(file, name);
}

function pathOf(name: string): string {
  return join(REPOSITORY_ROOT, 'test-results', 'screenshots', `${name}.png`);
}

function publish(file: string, name: string): void {
  if (process.env['VMQ_SCREENSHOTS'] !== '1') return;
  const published = join(REPOSITORY_ROOT, 'docs', 'images', `${name}.png`);
  mkdirSync(dirname(published), { recursive: true });
  copyFileSync(file, published);
}
