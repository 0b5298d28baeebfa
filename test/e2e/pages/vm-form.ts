import type { Locator, Page } from 'playwright-core';

import { byTest } from './elements';

/** The form that creates or edits a VM. */
export class VmForm {
  readonly root: Locator;
  readonly submitButton: Locator;

  constructor(page: Page) {
    this.root = byTest(page, 'vm-form');
    this.submitButton = byTest(this.root, 'vm-submit');
  }

  field(name: string): Locator {
    return byTest(this.root, `vm-${name}`);
  }

  /** What is wrong with a field, said below it. */
  error(name: string): Locator {
    return byTest(this.root, `vm-${name}-error`);
  }

  async submit(): Promise<void> {
    await this.submitButton.click();
    await this.root.waitFor({ state: 'detached' });
  }
}
