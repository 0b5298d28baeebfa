/** How page objects find things: by the `data-test` marks of the page, never by its looks. */
import type { Locator, Page } from 'playwright-core';

export function byTest(root: Page | Locator, name: string): Locator {
  return root.locator(`[data-test="${name}"]`);
}

/** A figure as the page writes it; NaN for one that is not known. */
export function readFigure(text: string): number {
  const [figure = ''] = text.trim().split(' ');
  return /^[\d,.]+$/.test(figure) ? Number(figure.replaceAll(',', '')) : Number.NaN;
}
