/**
 * The benchmarks: `npm run bench -- [NAME…] [--json]`. Results go to standard output, progress to
 * the error output. See `docs/performance.md`.
 */
import { runCommandLine } from './command-line';
import { watchExit } from './exit-hooks';
import { BENCHES } from './catalogue';

watchExit();
void runCommandLine(process.argv.slice(2), {
  benches: BENCHES,
  write: (text) => process.stdout.write(text),
  writeError: (text) => process.stderr.write(text),
}).then((exitCode) => {
  process.exitCode = exitCode;
});
