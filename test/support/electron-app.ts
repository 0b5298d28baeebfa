/**
 * Starts the built application in a real Electron window, for end-to-end tests. Needs a display; `npm run test:e2e`
 * brings a virtual one.
 */
import { _electron, type ElectronApplication, type Page } from 'playwright-core';

import { chooseElectron } from '../../scripts/electron-runtime.mjs';
import { collectPageErrors } from './page-errors';
import { REPOSITORY_ROOT } from './repository';
import { SANDBOX_SWITCH } from './sandbox-switch';
import { makeTemporaryFolder } from './temporary-folder';

const START_TIMEOUT_MS = 60_000;

export interface ElectronAppOptions {
  /** Data folder to use and keep; without it the application gets a new one, deleted on close. */
  dataFolder?: string;
  /** Further arguments of the application. */
  args?: readonly string[];
}

export interface ElectronApp {
  application: ElectronApplication;
  window: Page;
  /** Errors of the page so far; grows while the application runs. */
  pageErrors: readonly string[];
  /** What the processes of the application have printed since they are up; earlier lines are lost. */
  output: () => string;
  /** Quits the application as a user does and deletes its temporary folders. */
  close: () => Promise<void>;
}

/** Gathers what the processes of the application print. */
function collectOutput(application: ElectronApplication): () => string {
  const printed: string[] = [];
  const { stdout, stderr } = application.process();
  for (const stream of [stdout, stderr]) {
    stream?.on('data', (chunk: Buffer) => printed.push(chunk.toString()));
  }
  return () => printed.join('');
}

export async function launchElectronApp(options: ElectronAppOptions = {}): Promise<ElectronApp> {
  const temporary = makeTemporaryFolder('window');
  const dataFolder = options.dataFolder ?? `${temporary.path}/data`;
  const application = await _electron.launch({
    executablePath: chooseElectron().executable,
    args: [
      ...SANDBOX_SWITCH,
      `--user-data-dir=${temporary.path}/profile`,
      REPOSITORY_ROOT,
      `--data-folder=${dataFolder}`,
      ...(options.args ?? []),
    ],
    timeout: START_TIMEOUT_MS,
  });
  const close = async (): Promise<void> => {
    await application.close();
    temporary.remove();
  };
  const output = collectOutput(application);
  const pageErrors = collectPageErrors(application.context());
  try {
    const window = await application.firstWindow({ timeout: START_TIMEOUT_MS });
    return { application, window, pageErrors, output, close };
  } catch (error) {
    await close();
    throw new Error(`no window opened:\n${output()}`, { cause: error });
  }
}
