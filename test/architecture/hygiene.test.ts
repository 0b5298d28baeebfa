import { describe, expect, it } from 'vitest';

import { readRepositoryFile, readRepositoryText, repositoryFiles } from '../support/repository';

const files = repositoryFiles();
const textFiles = files.filter((file) => !/\.(png|ico|pcap|pcapng)$/.test(file));

/** Lines that match, as "file:line: text". */
function matches(candidates: readonly string[], pattern: RegExp): string[] {
  return candidates.flatMap((file) =>
    readRepositoryText(file)
      .split('\n')
      .flatMap((line, index) =>
        pattern.test(line) ? [`${file}:${String(index + 1)}: ${line.trim()}`] : [],
      ),
  );
}

/** Builds a pattern from pieces, so that this file does not contain what it forbids. */
function words(...pieces: readonly string[]): RegExp {
  return new RegExp(pieces.join(''));
}

describe('the repository', () => {
  it('holds text files only, apart from known binary formats', () => {
    expect(textFiles.filter((file) => readRepositoryFile(file).includes(0))).toEqual([]);
  });

  it('holds no build output', () => {
    const output = /^(out|release|build|coverage|node_modules|src\/engine\/kernel\/build)\//;
    expect(files.filter((file) => output.test(file) || file.endsWith('.tsbuildinfo'))).toEqual([]);
  });

  it('names no path of a particular machine', () => {
    const unixHome = words('(^|[^\\w./-])/', '(home|root|Users|work|tmp)/', '[a-z]');
    const windowsHome = words('[A-Z]:', '\\\\\\\\?Users');
    expect(matches(textFiles, unixHome)).toEqual([]);
    expect(matches(textFiles, windowsHome)).toEqual([]);
  });

  it('names no package registry', () => {
    expect(matches(textFiles, words('registry', '\\.[\\w-]+\\.(com|org|net|io|dev)'))).toEqual([]);
    expect(matches(['package-lock.json'], words('"resolved"', ':'))).toEqual([]);
  });

  it('switches off no check and no test', () => {
    const sources = textFiles.filter((file) => /\.(ts|mts|mjs|js|vue)$/.test(file));
    const compiler = words('@ts-', '(ignore|nocheck|expect-error)');
    const linter = words('(eslint|prettier|oxlint)-', '(disable|ignore)');
    const runner = words('\\.(only|skip|todo|skipIf|runIf)', '\\(');
    const excuses = [compiler, linter, runner].flatMap((pattern) => matches(sources, pattern));
    expect(excuses).toEqual([]);
  });

  it('keeps every line ending and final newline uniform', () => {
    const written = textFiles.filter((file) => readRepositoryText(file).length > 0);
    expect(written.filter((file) => readRepositoryText(file).includes('\r'))).toEqual([]);
    expect(written.filter((file) => !readRepositoryText(file).endsWith('\n'))).toEqual([]);
  });
});
