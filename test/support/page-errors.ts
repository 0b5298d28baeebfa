import type { BrowserContext } from 'playwright-core';

/** Collects what the pages of a context report as an error: console errors and exceptions that nothing caught. */
export function collectPageErrors(context: BrowserContext): string[] {
  const errors: string[] = [];
  context.on('console', (message) => {
    if (message.type() === 'error') errors.push(`${message.text()} (${message.location().url})`);
  });
  context.on('weberror', (webError) => {
    const error = webError.error();
    errors.push(error.stack ?? error.message);
  });
  return errors;
}
