/** Pictures that a test run makes. They go to `test-results/`; with VMQ_SCREENSHOTS=1 also to `docs/images/`. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Page } from 'playwright-core';

import { REPOSITORY_ROOT } from './repository';

/** Saves what the page shows now as `NAME.png`. */
export async function saveScreenshot(page: Page, name: string): Promise<void> {
  const file = join(REPOSITORY_ROOT, 'test-results', 'screenshots', `${name}.png`);
  await page.screenshot({ path: file });
  if (process.env['VMQ_SCREENSHOTS'] !== '1') return;
  const published = join(REPOSITORY_ROOT, 'docs', 'images', `${name}.png`);
  mkdirSync(dirname(published), { recursive: true });
  copyFileSync(file, published);
}
