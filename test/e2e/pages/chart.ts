import type { Locator } from 'playwright-core';

/** A chart over time. */
export class Chart {
  readonly root: Locator;

  constructor(root: Locator) {
    this.root = root;
  }

  /** How many points are drawn. */
  async points(): Promise<number> {
    return Number(await this.root.getAttribute('data-points'));
  }

  /** The picture itself, as it is drawn now. */
  picture(): Promise<string> {
    return this.root
      .locator('canvas')
      .first()
      .evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
  }
}
