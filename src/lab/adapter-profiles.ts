/** The adapter profiles that ship with the program, one JSON file each in `resources/adapters`. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import {
  DEFAULT_ADAPTER_PROFILE,
  adapterProfileSchema,
  type AdapterProfile,
} from '../contract/vmq';
import { invalidValue } from './refusals';

export class AdapterProfiles {
  readonly #folder: string;

  /** @param resourcesFolder the folder that holds `adapters/`. */
  constructor(resourcesFolder: string) {
    this.#folder = join(resourcesFolder, 'adapters');
  }

  /** The profile of an adapter that names none first, then those of the folder by id. */
  async all(): Promise<AdapterProfile[]> {
    const files = await readdir(this.#folder).catch((): string[] => []);
    const profiles = await Promise.all(
      files
        .filter((file) => file.endsWith('.json'))
        .sort()
        .map(async (file) => {
          const text = await readFile(join(this.#folder, file), 'utf8');
          return adapterProfileSchema.parse(JSON.parse(text));
        }),
    );
    return [DEFAULT_ADAPTER_PROFILE, ...profiles];
  }

  /** @throws RefusalError `invalid-value` for an id that no profile has. */
  async require(id: string): Promise<AdapterProfile> {
    const profiles = await this.all();
    const profile = profiles.find((candidate) => candidate.id === id);
    if (profile) return profile;
    throw invalidValue(
      'profile',
      `The adapter profile ${id} does not exist.`,
      `Expected one of ${profiles.map((candidate) => candidate.id).join(', ')}.`,
      'Choose one of these.',
    );
  }
}
