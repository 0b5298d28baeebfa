/** The command line of the lab runner, apart from the process around it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command, CommanderError } from 'commander';

import { CaptureLibrary } from '../lab/captures';
import { LabFileError } from '../lab/lab-file/lab-file-error';
import { loadLabFile } from '../lab/lab-file/lab-file';
import { NodeSpawner } from '../lab/process/node-spawner';
import type { Spawner } from '../lab/process/spawner';
import { asRefusal } from '../lab/refusals';
import { refusalText } from '../shared/refusal-error';
import { runOnce } from './run-once';

export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

/** What the runner has of the process that it runs in. */
export interface Surroundings {
  /** The engine's entry file. */
  readonly entryPath: string;
  /** The folder that holds `captures/` and `labs/`. */
  readonly resourcesFolder: string;
  readonly write: (line: string) => void;
  readonly writeError: (line: string) => void;
  readonly onInterrupt: (listener: () => void) => void;
  /** Replaces the processes of `entryPath`, in tests. */
  readonly spawner?: Spawner;
}

interface Arguments {
  readonly labFile: string;
  readonly report: string | undefined;
  readonly quiet: boolean;
  readonly dataFolder: string | undefined;
}

/** Runs one lab file; answers the exit code and never rejects. */
export async function runCommandLine(
  args: readonly string[],
  around: Surroundings,
): Promise<number> {
  let parsed: Arguments;
  try {
    parsed = parseArguments(args, around);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
    throw error;
  }
  const captures = new CaptureLibrary(around.resourcesFolder);
  try {
    const file = await loadLabFile(resolve(parsed.labFile), captures);
    const isOk = await withDataFolder(parsed.dataFolder, (dataFolder) =>
      runOnce({
        file,
        dataFolder,
        resourcesFolder: around.resourcesFolder,
        reportPath: parsed.report === undefined ? undefined : resolve(parsed.report),
        spawner: around.spawner ?? new NodeSpawner(around.entryPath),
        onInterrupt: around.onInterrupt,
        onProgress: parsed.quiet ? () => undefined : around.write,
      }),
    );
    return isOk ? EXIT_OK : EXIT_FAILED;
  } catch (error) {
    around.writeError(
      error instanceof LabFileError ? error.message : refusalText(asRefusal(error)),
    );
    return error instanceof LabFileError ? EXIT_USAGE : EXIT_FAILED;
  }
}

function parseArguments(args: readonly string[], around: Surroundings): Arguments {
  const command = new Command('lab')
    .description('Carries out a lab file without a window and writes a report.')
    .argument('<lab-file>', 'the lab file (YAML, see docs/lab-file.md)')
    .option('--report <file>', 'where to write the report (JSON, see docs/report.md)')
    .option('--quiet', 'print problems only', false)
    .option('--data-folder <folder>', 'keep the inventory there instead of in a temporary folder')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => around.write(text.trimEnd()),
      writeErr: (text) => around.writeError(text.trimEnd()),
    });
  command.parse([...args], { from: 'user' });
  const options = command.opts<{ report?: string; quiet: boolean; dataFolder?: string }>();
  const [labFile = ''] = command.args;
  return { labFile, report: options.report, quiet: options.quiet, dataFolder: options.dataFolder };
}

/** Runs with the folder that was asked for, or with a temporary one that is removed afterwards. */
async function withDataFolder<Result>(
  folder: string | undefined,
  run: (folder: string) => Promise<Result>,
): Promise<Result> {
  if (folder !== undefined) return run(resolve(folder));
  const temporary = await mkdtemp(join(tmpdir(), 'vmq-lab-'));
  try {
    return await run(temporary);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
