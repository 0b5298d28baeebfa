/** Reads tables of `docs/vmq-reference.md`, so that tests compare the code with the text itself. */
import { readFileSync } from 'node:fs';

const TEXT = readFileSync(new URL('../../../docs/vmq-reference.md', import.meta.url), 'utf8');

/** The cells of the first table below a heading, without the header and the rule. */
export function tableBelow(heading: string): readonly (readonly string[])[] {
  const start = TEXT.indexOf(`\n${heading}`);
  if (start < 0) throw new Error(`no heading "${heading}"`);
  const lines = TEXT.slice(start + 1).split('\n');
  const first = lines.findIndex((line) => line.startsWith('|'));
  const rest = lines.slice(first);
  const length = rest.findIndex((line) => !line.startsWith('|'));
  return rest.slice(2, length).map(cellsOf);
}

/** The line of the text that begins with this. */
export function lineAt(beginning: string): string {
  const line = TEXT.split('\n').find((candidate) => candidate.startsWith(beginning));
  if (line === undefined) throw new Error(`no line begins with "${beginning}"`);
  return line;
}

function cellsOf(line: string): readonly string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}
