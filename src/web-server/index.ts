/**
 * Entry of browser mode, for machines without a display: serves the console to a browser on this
 * machine and prints one line with the address. Ctrl-C ends it; a second Ctrl-C ends it at once.
 */
import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import pino from 'pino';
import { RefusalError, refusalText } from '../shared/refusal-error';
import { startBrowserMode, type BrowserMode } from './browser-mode';
import { defaultDataFolder } from './data-folder';

const LARGEST_PORT = 65_535;
/** Longest time that the lab may take to close. */
const CLOSE_DEADLINE_MS = 12_000;
const EXIT_FAILED = 1;
const EXIT_INTERRUPTED = 130;

interface Options {
  readonly dataFolder: string;
  readonly port: number;
}

/** The build puts this file into `out/main`. */
const programFolder = resolve(import.meta.dirname, '../..');
const STANDARD_ERROR = 2;
const log = pino(
  { name: 'web-server', level: process.env['VMQ_LOG_LEVEL'] ?? 'warn' },
  pino.destination({ fd: STANDARD_ERROR, sync: true }),
);

async function main({ dataFolder, port }: Options): Promise<void> {
  const starting = startBrowserMode({ programFolder, dataFolder: resolve(dataFolder), port, log });
  endOnSignals(starting);
  const { address } = await starting;
  console.log(`VMQ Console: open ${address}`);
}

/** Closes everything in order, also what is still starting. */
function endOnSignals(starting: Promise<BrowserMode>): void {
  let isEnding = false;
  const end = (): void => {
    if (isEnding) process.exit(EXIT_INTERRUPTED);
    isEnding = true;
    setTimeout(() => process.exit(EXIT_FAILED), CLOSE_DEADLINE_MS).unref();
    starting
      .then((mode) => mode.close())
      .then(
        () => process.exit(0),
        (error: unknown) => {
          log.error({ err: error }, 'the lab could not be closed in order');
          process.exit(EXIT_FAILED);
        },
      );
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
}

function readPort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= LARGEST_PORT) return port;
  throw new InvalidArgumentError(`Expected a number from 0 to ${String(LARGEST_PORT)}.`);
}

function explain(error: unknown, { port }: Options): string {
  if (error instanceof RefusalError) return refusalText(error.refusal);
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    return `Port ${String(port)} is taken by another program. Choose another with --port, or leave it out.`;
  }
  return error instanceof Error ? error.message : String(error);
}

const program = new Command('vmq-console')
  .description('Serves VMQ Console to a browser on this machine.')
  .option('--data-folder <dir>', 'folder of the inventory', defaultDataFolder())
  .option('--port <number>', 'port on 127.0.0.1; 0 takes any free one', readPort, 0);

program.parse();
const options = program.opts<Options>();
main(options).catch((error: unknown) => {
  console.error(`VMQ Console could not start: ${explain(error, options)}`);
  process.exit(EXIT_FAILED);
});
