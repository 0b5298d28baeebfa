/**
 * The lab runner: carries out a lab file without a window and writes a report.
 *
 *     npm run lab -- LAB_FILE --report REPORT.json [--quiet] [--data-folder DIR]
 *
 * Exit code 0: every step succeeded and no frame is unaccounted for. 1: the run failed. 2: the lab
 * file or the command line is wrong; nothing was started.
 */
import { join } from 'node:path';

import { runCommandLine } from './command-line';

void runCommandLine(process.argv.slice(2), {
  entryPath: join(__dirname, 'engine-host.js'),
  resourcesFolder: join(__dirname, '../../resources'),
  write: (line) => process.stdout.write(`${line}\n`),
  writeError: (line) => process.stderr.write(`${line}\n`),
  onInterrupt: (listener) => {
    process.on('SIGINT', listener);
    process.on('SIGTERM', listener);
  },
}).then((exitCode) => {
  process.exitCode = exitCode;
});
