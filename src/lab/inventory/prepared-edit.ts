/**
 * An edit of the inventory that is on disk before it is made: written and synced beside the file,
 * put in force by renaming. So whoever waits for it waits for no disk. An inventory that has
 * changed since makes it stale; then it is saved like other edits.
 *
 *     const edit = new PreparedEdit(inventory, { list: 'vms', id, value });
 *     await edit.write();      // early, and again when the inventory may have changed
 *     await edit.apply();      // in force; the inventory on disk and in memory have it
 *     await edit.discard();    // always, at the end
 */
import type { LabConfig } from '../../contract/model';
import type { Edit, Inventory } from './inventory';

interface Written {
  /** The inventory that the edit was made on, and what it makes of it. */
  readonly base: LabConfig;
  readonly next: LabConfig;
  readonly path: string;
}

export class PreparedEdit {
  readonly #inventory: Inventory;
  readonly #edit: Edit;
  #written: Written | undefined;
  #writing: Promise<void> | undefined;
  #isOver = false;

  constructor(inventory: Inventory, edit: Edit) {
    this.#inventory = inventory;
    this.#edit = edit;
  }

  /** Writes and syncs it, unless that is done or under way. Never rejects: what is missing is saved by `apply`. */
  write(): Promise<void> {
    if (this.#isOver || this.#isCurrent()) return Promise.resolve();
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  /**
   * Makes the edit. When it is written for the inventory as it is now, it is in force before this
   * returns.
   *
   * @throws RefusalError `inventory-unwritable`; nothing has changed then.
   */
  async apply(): Promise<void> {
    if (this.#writing !== undefined) await this.#writing;
    this.#isOver = true;
    const written = this.#written;
    if (written !== undefined && this.#isCurrent() && this.#inventory.isSaved) {
      this.#inventory.replace(written.path, written.next);
      this.#written = undefined;
    } else {
      await this.#inventory.apply(this.#edit);
    }
  }

  /** Removes what was written and not put in force. Never rejects. */
  async discard(): Promise<void> {
    this.#isOver = true;
    await this.#writing;
    const written = this.#written;
    this.#written = undefined;
    if (written !== undefined) await this.#inventory.removePrepared(written.path);
  }

  #isCurrent(): boolean {
    return this.#written?.base === this.#inventory.config;
  }

  async #write(): Promise<void> {
    const base = this.#inventory.config;
    const before = this.#written;
    this.#written = undefined;
    try {
      const next = this.#inventory.edited([this.#edit]);
      const path = await this.#inventory.writeBeside(next, before?.path);
      this.#written = { base, next, path };
    } catch {
      // The edit is saved by `apply`, which says why it cannot be.
    }
  }
}
