import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import type { Bench, BenchContext } from './bench';
import { runCommandLine } from './command-line';
import { benchOutputSchema, type BenchResult } from './result';
import { REPOSITORY_ROOT } from '../support/repository';

const SPREAD = { median: 2, min: 1, max: 3 };
const RESULT: BenchResult = {
  name: 'first',
  case: 'one VM',
  frameBytes: 64,
  unit: 'frames/s',
  ours: SPREAD,
  peer: SPREAD,
  peerName: 'the other',
  ratio: { median: 1, min: 1, max: 1 },
  rounds: 3,
  conserved: true,
};

function benchOf(name: string, yields: readonly BenchResult[], seen: BenchContext[] = []): Bench {
  return {
    name,
    title: `what ${name} measures`,
    run: async function* (context) {
      seen.push(context);
      await Promise.resolve();
      yield* yields;
    },
  };
}

interface Ended {
  exitCode: number;
  written: string;
  errors: string;
}

async function run(args: readonly string[], benches: readonly Bench[]): Promise<Ended> {
  let [written, errors] = ['', ''];
  const exitCode = await runCommandLine(args, {
    benches,
    write: (text) => {
      written += text;
    },
    writeError: (text) => {
      errors += text;
    },
  });
  return { exitCode, written, errors };
}

describe('the command line of the benchmarks', () => {
  it('prints one array and nothing else with --json, and progress beside it', async () => {
    const { exitCode, written, errors } = await run(
      ['--json'],
      [benchOf('first', [RESULT]), benchOf('second', [{ ...RESULT, name: 'second' }])],
    );
    expect(exitCode).toBe(0);
    expect(benchOutputSchema.parse(JSON.parse(written)).map(({ name }) => name)).toEqual([
      'first',
      'second',
    ]);
    expect(errors).toContain('what second measures');
  });

  it('runs only the benchmarks that are named, with the numbers that are given', async () => {
    const seen: BenchContext[] = [];
    const { written } = await run(
      ['second', '--json', '--rounds', '4', '--seconds', '0.5', '--case', 'VM'],
      [benchOf('first', [RESULT]), benchOf('second', [], seen)],
    );
    expect(JSON.parse(written)).toEqual([]);
    expect(seen).toMatchObject([{ rounds: 4, seconds: 0.5, caseFilter: 'VM' }]);
  });

  it('refuses a name that no benchmark has', async () => {
    const { exitCode, written, errors } = await run(['third'], [benchOf('first', [RESULT])]);
    expect({ exitCode, written }).toEqual({ exitCode: 2, written: '' });
    expect(errors).toContain('third');
  });

  it('goes on with the next benchmark when one fails, and fails in the end', async () => {
    const broken: Bench = {
      ...benchOf('broken', []),
      run: () => {
        throw new Error('no such peer');
      },
    };
    const ended = await run(['--json'], [broken, benchOf('first', [RESULT])]);
    expect(ended.exitCode).toBe(1);
    expect(JSON.parse(ended.written)).toHaveLength(1);
    expect(ended.errors).toContain('no such peer');
  });

  it('fails when frames are not accounted for', async () => {
    const ended = await run([], [benchOf('first', [{ ...RESULT, conserved: false }])]);
    expect(ended.exitCode).toBe(1);
    expect(ended.written).toContain('NOT CONSERVED');
  });
});

describe('npm run -s bench -- --json', () => {
  it('prints one array and nothing else on standard output', { timeout: 120_000 }, () => {
    const script = join(REPOSITORY_ROOT, 'scripts', 'bench.mjs');
    const tiny = ['--json', 'start-stop', '--rounds', '1', '--seconds', '0.02'];
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...tiny], {
      encoding: 'utf8',
    });
    expect(status, stderr).toBe(0);
    expect(benchOutputSchema.parse(JSON.parse(stdout))).toMatchObject([
      { name: 'start-stop', rounds: 1, conserved: true },
    ]);
  });
});
