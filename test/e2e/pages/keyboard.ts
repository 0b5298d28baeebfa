import type { Page } from 'playwright-core';

const MOST_STEPS = 60;

/** The `data-test` mark of what has the focus. */
export function focusedMark(page: Page): Promise<string> {
  return page.evaluate(() => document.activeElement?.getAttribute('data-test') ?? '');
}

/** Presses Tab until the marked element of one VM has the focus. */
export async function tabToVm(page: Page, mark: string, vmName: string): Promise<void> {
  const isReached = (): Promise<boolean> =>
    page.evaluate((name) => document.activeElement?.getAttribute('data-vm') === name, vmName);
  for (let step = 0; step < MOST_STEPS; step += 1) {
    await tabTo(page, mark);
    if (await isReached()) return;
  }
  throw new Error(`Tab never reached ${mark} of ${vmName}`);
}

/** Presses Tab until the marked element has the focus, as a reader without a pointer does. */
export async function tabTo(page: Page, mark: string): Promise<void> {
  const passed: string[] = [];
  for (let step = 0; step < MOST_STEPS; step += 1) {
    await page.keyboard.press('Tab');
    const now = await focusedMark(page);
    if (now === mark) return;
    passed.push(now);
  }
  throw new Error(`Tab never reached ${mark}; it passed ${passed.join(', ')}`);
}
