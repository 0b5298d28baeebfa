/** What the user must know until it is dismissed, such as an inventory that was set aside. */
import type { Refusal } from '../contract/errors';
import { notFound } from './refusals';

export interface Notice {
  readonly id: string;
  readonly refusal: Refusal;
}

export class Notices {
  #list: readonly Notice[] = [];
  #nextNumber = 1;
  readonly #onChange: () => void;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  get list(): readonly Notice[] {
    return this.#list;
  }

  add(refusal: Refusal): void {
    this.#list = [...this.#list, { id: `notice-${this.#nextNumber}`, refusal }];
    this.#nextNumber += 1;
    this.#onChange();
  }

  dismiss(id: string): void {
    if (!this.#list.some((notice) => notice.id === id)) throw notFound('notice', id);
    this.#list = this.#list.filter((notice) => notice.id !== id);
    this.#onChange();
  }
}
