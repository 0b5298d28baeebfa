/**
 * `docs/vmq-conformance.md`, made from the rules and from the tests that name them. Written by
 * `scripts/make-conformance.mjs`; a test says when it is out of date.
 */
import { readRepositoryText } from '../../support/repository';
import { RULES } from './rules/all';
import type { Rule, Standing } from './rules/rule';
import { titledTests, type TitledTest } from './test-titles';

export const TABLE_PATH = 'docs/vmq-conformance.md';

/** Rules without the test that they need, and titles that name no rule. */
export function conformanceFaults(
  rules: readonly Rule[],
  tests: readonly TitledTest[],
): readonly string[] {
  const named = new Set(tests.flatMap((test) => test.rules));
  const known = new Set(rules.map(({ id }) => id));
  const untested = rules
    .filter(({ id, standing }) => standing.kind === 'holds' && !named.has(id))
    .map(({ id, text }) => `${id} has no test: ${text}`);
  const unknown = tests.flatMap(({ file, title, rules: ids }) =>
    ids.filter((id) => !known.has(id)).map((id) => `${id} is no rule: "${title}" in ${file}`),
  );
  return [...untested, ...unknown];
}

/** The document as it should be. @throws Error when a rule has no test or a title no rule. */
export function conformanceTable(): string {
  const tests = titledTests();
  const faults = conformanceFaults(RULES, tests);
  if (faults.length > 0) throw new Error(faults.join('\n'));
  return documentOf(RULES, tests);
}

/** The document for these rules and tests. */
export function documentOf(rules: readonly Rule[], tests: readonly TitledTest[]): string {
  const sections = [...new Set(rules.map(({ section }) => section))];
  const parts = sections.map((section) => {
    const rows = rules.filter((rule) => rule.section === section);
    return `## ${headingOf(section)}\n\n${tableOf(rows, tests)}`;
  });
  return `${introduction(rules)}\n\n${parts.join('\n\n')}\n`;
}

/** The heading that the reference gives a section. */
function headingOf(section: string): string {
  const number = section.replace('§', '').replaceAll('.', '\\.');
  const pattern = new RegExp(`^#+ ${number}\\s+(?:–\\s+)?(.*)$`, 'm');
  const title = pattern.exec(readRepositoryText('docs/vmq-reference.md'))?.[1];
  return title === undefined ? section : `${section} ${title}`;
}

function introduction(rules: readonly Rule[]): string {
  const count = (kind: Standing['kind']): number =>
    rules.filter(({ standing }) => standing.kind === kind).length;
  const counts = [
    `${count('holds')} hold`,
    `${count('different')} are deliberately different`,
    `${count('not-applicable')} do not apply`,
  ];
  return [
    '# Conformance to VMQ as documented',
    '',
    '<!-- Written by scripts/make-conformance.mjs from test/engine/conformance/rules and the titles of the tests. -->',
    '',
    'Every rule of §2 to §6 and §9 of [vmq-reference.md](vmq-reference.md) and every invariant of its Appendix A, with the',
    'page that it comes from, the tests that name it, and where the engine stands. A rule that holds has a test; a test',
    'whose title names a rule that does not exist fails the check, and so does a rule that holds without one.',
    '',
    `Of ${rules.length} rules ${counts.join(', ')}.`,
  ].join('\n');
}

function tableOf(rules: readonly Rule[], tests: readonly TitledTest[]): string {
  const header = ['| rule | source page | test | stands |', '| --- | --- | --- | --- |'];
  const rows = rules.map((rule) => {
    const cells = [
      `**${rule.id}** ${rule.text}`,
      rule.source === '' ? 'inferred by the reference' : rule.source,
      testsOf(rule, tests),
      standingOf(rule.standing),
    ];
    return `| ${cells.map(cell).join(' | ')} |`;
  });
  return [...header, ...rows].join('\n');
}

function testsOf(rule: Rule, tests: readonly TitledTest[]): string {
  const own = tests.filter(({ rules }) => rules.includes(rule.id));
  if (own.length === 0) return '–';
  return own
    .map(({ file, title }) => `[${nameOf(file)}](../${file}): ${behaviourOf(title)}`)
    .join('<br>');
}

/** A title without the rules that it begins with. */
function behaviourOf(title: string): string {
  return title.replace(
    /^(?:(?:§[\d.]+ rules? \d[\d, and to]*|A\.\d+(?: to A\.\d+)?)(?:, )?)+: /,
    '',
  );
}

function nameOf(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1).replace(/\.test\.ts$/, '');
}

function standingOf(standing: Standing): string {
  switch (standing.kind) {
    case 'holds':
      return 'holds';
    case 'different':
      return `deliberately different: ${standing.why}`;
    case 'not-applicable':
      return `not applicable: ${standing.why}`;
  }
}

/** Text for a cell: no bar, no placeholder that reads as HTML. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/<(?!br>)/g, '&lt;');
}
