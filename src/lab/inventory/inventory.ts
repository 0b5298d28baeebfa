/**
 * The one inventory of a lab, in memory and on disk. It changes by edits of one object each, so that
 * an edit can be undone although others have been made since. An edit is visible in memory at once
 * (two commands cannot both take the last MAC address) and is reported as done only when it is saved.
 */
import { z } from 'zod';

import {
  labConfigSchema,
  type HostConfig,
  type LabConfig,
  type LinkConfig,
  type VmConfig,
} from '../../contract/model';
import { refusal } from '../refusals';
import {
  besidePath,
  removeBeside,
  replaceInventory,
  saveInventory,
  syncFolder,
  writeBeside,
} from './inventory-file';

interface EditOf<List extends string, Value> {
  readonly list: List;
  readonly id: string;
  /** The object as it shall be; `null` removes it. */
  readonly value: Value | null;
  /** Where a new object goes; at the end by default. */
  readonly at?: number;
}

/** A change of one object. */
export type Edit =
  EditOf<'hosts', HostConfig> | EditOf<'vms', VmConfig> | EditOf<'links', LinkConfig>;

export class Inventory {
  #config: LabConfig;
  #saved: Promise<void> = Promise.resolve();
  /** Writes that have not ended. */
  #saving = 0;
  #synced: Promise<void> = Promise.resolve();
  #nextFile = 1;
  readonly #folder: string;
  readonly #onChange: () => void;

  constructor(folder: string, config: LabConfig, onChange: () => void) {
    this.#folder = folder;
    this.#config = config;
    this.#onChange = onChange;
  }

  get config(): LabConfig {
    return this.#config;
  }

  host(id: string): HostConfig | undefined {
    return this.#config.hosts.find((host) => host.id === id);
  }

  vm(id: string): VmConfig | undefined {
    return this.#config.vms.find((vm) => vm.id === id);
  }

  link(id: string): LinkConfig | undefined {
    return this.#config.links.find((link) => link.id === id);
  }

  /** Makes and saves the edits. When they cannot be saved, they are undone and this rejects. */
  async apply(...edits: readonly Edit[]): Promise<void> {
    const undo = this.#make(edits);
    try {
      await this.#save();
    } catch (error) {
      await this.#undo(undo);
      throw error;
    }
  }

  /**
   * Makes and saves the edits, then runs `command`. When it rejects, the edits are undone, on disk
   * too, and its error is passed on.
   */
  async applyWith<Result>(edits: readonly Edit[], command: () => Promise<Result>): Promise<Result> {
    const undo = this.#make(edits);
    try {
      await this.#save();
      return await command();
    } catch (error) {
      await this.#undo(undo);
      throw error;
    }
  }

  // ── For `PreparedEdit` ────────────────────────────────────────────────────────────────────────

  /** Whether the file on disk is the inventory as it is now. */
  get isSaved(): boolean {
    return this.#saving === 0;
  }

  /** The inventory as the edits would leave it. @throws RefusalError `invalid-value` */
  edited(edits: readonly Edit[]): LabConfig {
    return valid(edits.reduce((config, edit) => edited(config, edit), this.#config));
  }

  /** Writes and syncs a future inventory beside the present one, over `path` when it is given; answers where. */
  writeBeside(config: LabConfig, path?: string): Promise<string> {
    if (path !== undefined) return writeBeside(path, config);
    const number = this.#nextFile;
    this.#nextFile += 1;
    return writeBeside(besidePath(this.#folder, String(number)), config);
  }

  removePrepared(path: string): Promise<void> {
    return removeBeside(path);
  }

  /**
   * Puts a file of `writeBeside` in force, at once. Legal while `isSaved`.
   *
   * @throws RefusalError `inventory-unwritable`; nothing has changed then.
   */
  replace(path: string, config: LabConfig): void {
    replaceInventory(this.#folder, path);
    this.#config = config;
    this.#onChange();
    this.#synced = syncFolder(this.#folder);
    // Whoever asks gets the failure; perhaps nobody does.
    this.#synced.catch(() => undefined);
  }

  /** Resolves when the last `replace` survives a power cut. */
  synced(): Promise<void> {
    return this.#synced;
  }

  /** Gives the lab another name. */
  async rename(name: string): Promise<void> {
    this.#config = { ...this.#config, name };
    this.#onChange();
    await this.#save();
  }

  async #undo(edits: readonly Edit[]): Promise<void> {
    this.#make(edits);
    // If this fails too, the next edit saves the same content.
    await this.#save().catch(() => undefined);
  }

  #make(edits: readonly Edit[]): Edit[] {
    const undo: Edit[] = [];
    let next = this.#config;
    for (const edit of edits) {
      undo.unshift(inverse(edit, next));
      next = edited(next, edit);
    }
    this.#config = valid(next);
    this.#onChange();
    return undo;
  }

  /** One write at a time, each with the latest content. */
  #save(): Promise<void> {
    this.#saving += 1;
    const write = this.#saved
      .then(() => saveInventory(this.#folder, this.#config))
      .finally(() => {
        this.#saving -= 1;
      });
    this.#saved = write.catch(() => undefined);
    return write;
  }
}

/** @throws RefusalError `invalid-value` */
function valid(config: LabConfig): LabConfig {
  const parsed = labConfigSchema.safeParse(config);
  if (parsed.success) return config;
  throw refusal({
    code: 'invalid-value',
    what: 'The inventory would break a rule.',
    why: z.prettifyError(parsed.error),
    remedy: '',
  });
}

function inverse(edit: Edit, config: LabConfig): Edit {
  switch (edit.list) {
    case 'hosts':
      return { list: 'hosts', id: edit.id, ...found(config.hosts, edit.id) };
    case 'vms':
      return { list: 'vms', id: edit.id, ...found(config.vms, edit.id) };
    case 'links':
      return { list: 'links', id: edit.id, ...found(config.links, edit.id) };
  }
}

function edited(config: LabConfig, edit: Edit): LabConfig {
  switch (edit.list) {
    case 'hosts':
      return { ...config, hosts: withObject(config.hosts, edit) };
    case 'vms':
      return { ...config, vms: withObject(config.vms, edit) };
    case 'links':
      return { ...config, links: withObject(config.links, edit) };
  }
}

interface Identified {
  readonly id: string;
}

function found<T extends Identified>(
  list: readonly T[],
  id: string,
): { value: T | null; at: number } {
  const at = list.findIndex((object) => object.id === id);
  return { value: list[at] ?? null, at: at < 0 ? list.length : at };
}

function withObject<T extends Identified>(list: readonly T[], edit: EditOf<string, T>): T[] {
  const { id, value, at = list.length } = edit;
  if (value === null) return list.filter((object) => object.id !== id);
  if (list.some((object) => object.id === id)) {
    return list.map((object) => (object.id === id ? value : object));
  }
  return [...list.slice(0, at), value, ...list.slice(at)];
}
