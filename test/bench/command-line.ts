/** The benchmark's command line, apart from the process around it. */
import { Command, CommanderError, InvalidArgumentError } from 'commander';

import type { Bench } from './bench';
import { resultLines } from './report-text';
import { benchOutputSchema, type BenchResult } from './result';

const EXIT_OK = 0;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

export interface Surroundings {
  readonly benches: readonly Bench[];
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
}

interface Options {
  readonly json: boolean;
  readonly rounds: number;
  readonly seconds: number;
  readonly case: string;
}

/** Runs the benchmarks that are asked for; answers the exit code and never rejects. */
export async function runCommandLine(
  args: readonly string[],
  { benches, write, writeError }: Surroundings,
): Promise<number> {
  const say = (line: string): void => writeError(`${line}\n`);
  const command = new Command('bench')
    .description('Runs the benchmarks, all or those named.')
    .argument('[names...]', `of ${benches.map(({ name }) => name).join(', ')}`)
    .option('--json', 'print one JSON array and nothing else on standard output', false)
    .option('--rounds <n>', 'pairs of measurements, or migrations, of each case', count, 10)
    .option('--seconds <s>', 'length of one measurement', duration, 1)
    .option('--case <text>', 'only cases whose name contains the text', '')
    .exitOverride()
    .configureOutput({ writeOut: write, writeErr: writeError });
  try {
    command.parse([...args], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
    throw error;
  }
  const unknown = command.args.filter((name) => !benches.some((bench) => bench.name === name));
  if (unknown.length > 0) {
    say(`bench: there is no ${unknown.join(', ')}; see --help`);
    return EXIT_USAGE;
  }
  const options = command.opts<Options>();
  const wanted = benches.filter(
    ({ name }) => command.args.length === 0 || command.args.includes(name),
  );
  const results: BenchResult[] = [];
  let hasFailed = false;
  for (const bench of wanted) {
    say(`${bench.name}: ${bench.title}`);
    try {
      const context = { ...options, caseFilter: options.case, log: say };
      for await (const result of bench.run(context)) {
        results.push(result);
        for (const line of resultLines(result)) {
          if (options.json) say(line);
          else write(`${line}\n`);
        }
      }
    } catch (error) {
      hasFailed = true;
      say(`${bench.name}: FAILED: ${error instanceof Error ? (error.stack ?? '') : String(error)}`);
    }
  }
  if (options.json) write(`${JSON.stringify(benchOutputSchema.parse(results), null, 2)}\n`);
  return hasFailed || results.some(({ conserved }) => !conserved) ? EXIT_FAILED : EXIT_OK;
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('Expected a whole number from 1 on.');
  return value;
}

function duration(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('Expected a number of seconds above 0.');
  return value;
}
