/** Opens the lab in this process. Its hosts start in the background; the window does not wait for them. */
import { join } from 'node:path';
import { Lab } from '../lab/lab';
import { readProductVersion } from '../lab/product-version';
import { labRouter } from '../lab/router';
import { log } from './log';
import { UtilitySpawner } from './utility-spawner';

export interface LabStartOptions {
  /** Folder of the program: holds `resources` and `out`. */
  readonly programFolder: string;
  readonly dataFolder: string;
}

/** The lab and what pages may ask of it. */
export interface OpenLab {
  readonly lab: Lab;
  readonly router: ReturnType<typeof labRouter>;
}

/** @throws RefusalError `inventory-locked` when another program uses the data folder */
export async function openLab(options: LabStartOptions): Promise<OpenLab> {
  const { programFolder, dataFolder } = options;
  const productVersion = await readProductVersion(programFolder);
  const lab = await Lab.open({
    dataFolder,
    resourcesFolder: join(programFolder, 'resources'),
    spawner: new UtilitySpawner(join(programFolder, 'out', 'main', 'engine-host.js')),
  });
  lab.start().catch((error: unknown) => log.error({ err: error }, 'the lab could not be started'));
  return { lab, router: labRouter(lab, { productVersion }) };
}
