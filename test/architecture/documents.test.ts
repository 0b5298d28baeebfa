/** The documents against the repository: what they point at is there, and what they name exists. */
import { dirname, join, normalize } from 'node:path/posix';
import { describe, expect, it } from 'vitest';

import { ENGINE_RANKS } from '../../tools/layers.mjs';
import { TABLE_PATH, conformanceTable } from '../engine/conformance/table';
import { readRepositoryText, repositoryFiles } from '../support/repository';

const README_LINES = 200;

const files = repositoryFiles();
const documents = files.filter((file) => file.endsWith('.md'));

/** Text of a document without its code blocks, whose brackets are no links. */
function prose(file: string): string {
  return readRepositoryText(file).replace(/^```[^\n]*\n.*?^```/gms, '');
}

function isFolder(path: string): boolean {
  return files.some((file) => file.startsWith(`${path}/`));
}

/** Every link and image of a document, as written. */
function linksIn(file: string): string[] {
  const text = prose(file).replace(/`[^`\n]*`/g, '');
  return [...text.matchAll(/\]\(([^()\s]+)\)/g)].flatMap(([, target]) => target ?? []);
}

/** What GitHub makes of a heading. */
function anchorOf(heading: string): string {
  const kept = heading.toLowerCase().replace(/[^\p{Letter}\p{Number}\s_-]/gu, '');
  return kept.trim().replace(/\s/g, '-');
}

function anchorsIn(file: string): string[] {
  const headings = [...prose(file).matchAll(/^#+ (.*)$/gm)];
  return headings.map(([, heading]) => anchorOf(heading ?? ''));
}

/** Whether a link of a document leads to a file or folder here, and its anchor to a heading. */
function leadsSomewhere(file: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? file : normalize(join(dirname(file), path));
  if (!files.includes(target) && !isFolder(target)) return false;
  return anchor === undefined || anchorsIn(target).includes(anchor);
}

/** Scripts that a document tells the reader to run. */
function scriptsNamedIn(file: string): string[] {
  const named = [
    ...readRepositoryText(file).matchAll(/npm (?:run (?:-s )?([\w:][\w:-]*)|(start|test)\b)/g),
  ];
  return [...new Set(named.flatMap(([, script, short]) => script ?? short ?? []))];
}

/** First cells of table rows that name a folder. */
function foldersNamedIn(file: string): string[] {
  const rows = prose(file).matchAll(/^\|[^`|]*(?:\|\s*)?`([\w./-]+)`\s*\|/gm);
  return [...rows].flatMap(([, folder]) => folder ?? []);
}

function section(file: string, heading: string): string {
  const parts = readRepositoryText(file).split(/^## /m);
  return parts.find((part) => part.startsWith(heading)) ?? '';
}

describe('the documents', () => {
  it('link to what is there, images included', () => {
    const dead = documents.flatMap((file) =>
      linksIn(file)
        .filter((link) => !/^[a-z]+:/.test(link) && !leadsSomewhere(file, link))
        .map((link) => `${file}: ${link}`),
    );
    expect(dead).toEqual([]);
  });

  it.each(['README.md', 'CONTRIBUTING.md', 'docs/lab-file.md', 'docs/report.md'])(
    'name scripts of package.json only: %s',
    (file) => {
      const { scripts } = JSON.parse(readRepositoryText('package.json')) as {
        scripts: Record<string, string>;
      };
      const named = scriptsNamedIn(file);
      expect(named).not.toEqual([]);
      expect(named.filter((script) => !(script in scripts))).toEqual([]);
    },
  );

  it('name folders that exist in the layout of the design', () => {
    const folders = foldersNamedIn('docs/design.md').filter((path) => !path.includes('.'));
    const layout = folders.filter((path) => section('docs/design.md', '3.').includes(path));
    expect(layout.length).toBeGreaterThan(20);
    expect(layout.filter((path) => !isFolder(path))).toEqual([]);
  });

  it('name every folder of the source in the layout of the design', () => {
    const layout = section('docs/design.md', '3.');
    const source = files.filter((file) => file.startsWith('src/'));
    const folders = source.flatMap((file) => {
      const [root = '', layer = '', folder = '', inner] = file.split('/');
      const engineFolder = inner === undefined ? [] : [[root, layer, folder].join('/')];
      return layer === 'engine' ? engineFolder : [`${root}/${layer}`];
    });
    const unnamed = [...new Set(folders)].filter((folder) => !layout.includes(`\`${folder}\``));
    expect(unnamed).toEqual([]);
  });

  it('give the ranks of the engine as the dependency rule has them', () => {
    const rows = section('docs/design.md', '3.').matchAll(/^\| (\d*) *\| `src\/engine\/(\w+)`/gm);
    const ranks: string[][] = [];
    for (const [, rank, folder] of rows) {
      if (rank) ranks.push([]);
      ranks.at(-1)?.push(folder ?? '');
    }
    expect(ranks).toEqual(ENGINE_RANKS);
  });

  it('keep every decision under its own number, without gaps', () => {
    const notes = documents.filter((file) => file.startsWith('docs/decisions/')).sort();
    const numbers = notes.map((file) => Number(/\/(\d{4})-/.exec(file)?.[1]));
    expect(numbers).toEqual(notes.map((_, index) => index + 1));
    for (const note of notes) {
      expect(readRepositoryText(note).slice(2, 6)).toBe(
        note.slice('docs/decisions/'.length, -3).slice(0, 4),
      );
      expect(readRepositoryText(note)).toContain('**Turned down.**');
    }
  });

  it('keep the README short', () => {
    expect(readRepositoryText('README.md').split('\n').length).toBeLessThan(README_LINES);
  });

  it('keep the table of conformance as the rules and the tests make it', () => {
    expect(readRepositoryText(TABLE_PATH), 'run: node scripts/make-conformance.mjs').toBe(
      conformanceTable(),
    );
  });

  it('leave no exclamation mark in prose', () => {
    const loud = ['README.md', 'CHANGELOG.md', 'docs/design.md', 'docs/glossary.md'].filter(
      (file) => /[a-z]!(\s|$)/m.test(prose(file)),
    );
    expect(loud).toEqual([]);
  });
});
