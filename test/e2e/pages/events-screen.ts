import type { Locator, Page } from 'playwright-core';

import { byTest } from './elements';

export interface ShownEvent {
  type: string;
  time: string;
  object: string;
  text: string;
  cause: string;
}

/** Everything that happened, newest first. */
export class EventsScreen {
  readonly list: Locator;
  readonly #filter: Locator;

  constructor(page: Page) {
    this.list = byTest(page, 'event-list');
    this.#filter = byTest(page, 'event-filter');
  }

  /** Shows only what has all of these words. */
  async filter(words: string): Promise<void> {
    await this.#filter.fill(words);
  }

  shown(): Promise<ShownEvent[]> {
    return this.list.locator('li').evaluateAll((items) =>
      items.map((item) => {
        const textOf = (part: Element | null | undefined): string => part?.textContent.trim() ?? '';
        return {
          type: item.getAttribute('data-type') ?? '',
          time: item.querySelector('time')?.getAttribute('datetime') ?? '',
          object: item.getAttribute('data-object') ?? '',
          text: textOf(item.querySelector('.cause')?.previousElementSibling),
          cause: textOf(item.querySelector('.cause')),
        };
      }),
    );
  }
}
