/** What is wrong with a lab file, each problem with its place, what was expected and what was found. */

export interface LabFileProblem {
  /** First line and column are 1. */
  readonly line: number;
  readonly column: number;
  /** Path of the field, e.g. `vms.1.nics.0.macs.0`; empty for the whole file. */
  readonly field: string;
  readonly expected: string;
  readonly found: string;
}

/** All problems of one file at once, so that they can be mended at once. */
export class LabFileError extends Error {
  readonly path: string;
  readonly problems: readonly LabFileProblem[];

  constructor(path: string, problems: readonly LabFileProblem[]) {
    const sorted = [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
    super(sorted.map((problem) => problemText(path, problem)).join('\n'));
    this.name = 'LabFileError';
    this.path = path;
    this.problems = sorted;
  }
}

/** One line as compilers write it: `lab.yaml:12:9: vms.1.host: expected …, found …`. */
export function problemText(
  path: string,
  { line, column, field, expected, found }: LabFileProblem,
): string {
  const where = field === '' ? '' : ` ${field}:`;
  return `${path}:${line}:${column}:${where} expected ${expected}, found ${found}`;
}
