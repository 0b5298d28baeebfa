/** Where the captures of replay links are: shipped ones by `sample:NAME`, others by absolute path. */
import { access, constants } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';

import type { LinkConfig } from '../contract/model';
import { refusal } from './refusals';

const SAMPLE = /^sample:([A-Za-z0-9][A-Za-z0-9._-]*)$/;

export class CaptureLibrary {
  readonly resourcesFolder: string;
  readonly #folder: string;

  /** @param resourcesFolder the folder that holds `captures/`, `labs/` and `adapters/`. */
  constructor(resourcesFolder: string) {
    this.resourcesFolder = resourcesFolder;
    this.#folder = join(resourcesFolder, 'captures');
  }

  /** Absolute path of what a link's `file` names; undefined for a relative path or a bad sample name. */
  pathOf(file: string): string | undefined {
    if (!file.startsWith('sample:')) return isAbsolute(file) ? file : undefined;
    const name = SAMPLE.exec(file)?.[1];
    return name === undefined ? undefined : join(this.#folder, name);
  }

  /** The link as an engine process takes it: with an absolute, readable file. */
  async resolve(link: LinkConfig): Promise<LinkConfig> {
    if (link.kind !== 'replay') return link;
    const path = this.pathOf(link.file);
    if (path === undefined) {
      throw refusal({
        code: 'capture-unreadable',
        what: `Link ${link.name} has no capture file.`,
        why: `Expected an absolute path or "sample:NAME", found "${link.file}".`,
        remedy: 'Choose the capture file again.',
        field: 'file',
      });
    }
    await access(path, constants.R_OK).catch((error: unknown) => {
      throw refusal({
        code: 'capture-unreadable',
        what: `The capture of link ${link.name} cannot be read.`,
        why: error instanceof Error ? error.message : String(error),
        remedy: 'Check that the file exists and that you may read it.',
        field: 'file',
      });
    });
    return { ...link, file: path };
  }
}
