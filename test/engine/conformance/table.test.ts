import { describe, expect, it } from 'vitest';

import { readRepositoryText } from '../../support/repository';
import { RULES } from './rules/all';
import { different, notApplicable, rulesOf } from './rules/rule';
import { conformanceFaults, documentOf } from './table';
import { rulesIn, titledTests, titlesIn } from './test-titles';

const REFERENCE = readRepositoryText('docs/vmq-reference.md');

describe('the rules', () => {
  it('are numbered from 1 in each section', () => {
    const sections = [...new Set(RULES.map(({ section }) => section))];
    for (const section of sections) {
      const ids = RULES.filter((rule) => rule.section === section).map(({ id }) => id);
      const prefix = section === 'Appendix A' ? 'A.' : `${section} rule `;
      expect(ids).toEqual(ids.map((_, index) => `${prefix}${index + 1}`));
    }
  });

  it('cover every section of §2 to §6 and §9 of the reference', () => {
    const headings = [...REFERENCE.matchAll(/^### ([2-69]\.\d+) /gm)].map(([, name]) => `§${name}`);
    const sections = new Set(RULES.map(({ section }) => section));
    expect(headings.length).toBeGreaterThan(40);
    expect(headings.filter((heading) => !sections.has(heading))).toEqual([]);
  });

  it('have a row for each request of §9.1 and each invariant of Appendix A', () => {
    const invariants = REFERENCE.slice(REFERENCE.indexOf('## Appendix A')).match(/^\d+\. /gm);
    expect(RULES.filter(({ section }) => section === 'Appendix A')).toHaveLength(
      invariants?.length ?? 0,
    );
    const requests = REFERENCE.match(
      /^\| 0x\w+ \| \w+(?: \((?:method|set) form\))? \| [QSM] \| (?:NDIS|miniport)/gm,
    );
    expect(requests).toHaveLength(14);
    expect(
      RULES.filter(({ section, text }) => section === '§9.1' && /^[A-Z_]{9,} \(/.test(text)),
    ).toHaveLength(14);
  });

  it('name pages that the reference names', () => {
    const foreign = RULES.flatMap(({ id, source }) =>
      source
        .split('; ')
        .filter((page) => page !== '' && !REFERENCE.includes(page))
        .map((page) => `${id}: ${page}`),
    );
    expect(foreign).toEqual([]);
  });

  it('each have a test where they hold, and every title names a rule that there is', () => {
    expect(conformanceFaults(RULES, titledTests())).toEqual([]);
  });
});

describe('the table', () => {
  const rules = rulesOf('§8.1', [
    [1, 'page.md', 'One holds.'],
    [2, '', 'Another is different.', different('because')],
    [3, '', 'A third does not apply.', notApplicable('no such thing')],
  ]);
  const test = { file: 'test/a/b.test.ts', title: '§8.1 rule 1: holds', rules: ['§8.1 rule 1'] };

  it('reports a rule that holds without a test, and a title without a rule', () => {
    expect(conformanceFaults(rules, [test])).toEqual([]);
    expect(conformanceFaults(rules, [])).toEqual(['§8.1 rule 1 has no test: One holds.']);
    const wrong = { ...test, rules: ['§8.1 rule 1', '§8.1 rule 9'] };
    expect(conformanceFaults(rules, [wrong])).toEqual([
      '§8.1 rule 9 is no rule: "§8.1 rule 1: holds" in test/a/b.test.ts',
    ]);
  });

  it('has a row for each rule, with its source, its tests and where it stands', () => {
    const lines = documentOf(rules, [test]).split('\n');
    expect(lines).toContain(
      '| **§8.1 rule 1** One holds. | page.md | [b](../test/a/b.test.ts): holds | holds |',
    );
    expect(lines).toContain(
      '| **§8.1 rule 2** Another is different. | inferred by the reference | – | deliberately different: because |',
    );
    expect(lines).toContain('Of 3 rules 1 hold, 1 are deliberately different, 1 do not apply.');
  });
});

describe('the titles of tests', () => {
  it('name single rules, lists and ranges', () => {
    expect(rulesIn('§3.8 rule 3: raises one status')).toEqual(['§3.8 rule 3']);
    expect(rulesIn('§3.8 rules 1, 4 and 6 to 8, A.12')).toEqual([
      ...['§3.8 rule 1', '§3.8 rule 4', '§3.8 rule 6', '§3.8 rule 7', '§3.8 rule 8', 'A.12'],
    ]);
    expect(rulesIn('A.1 to A.3 and A.12: hold')).toEqual(['A.1', 'A.2', 'A.3', 'A.12']);
    expect(rulesIn('§3.8 raises a status')).toEqual([]);
  });

  it('are read from the source, not from comments, strings or other calls', () => {
    const source = [
      "it('§3.8 rule 1: one', () => 1);",
      "it.each([1])('A.2 %s', () => 1);",
      "// it('A.3', () => 1);",
      "describe('A.4', () => { it('plain', () => log('A.5')); });",
    ].join('\n');
    expect(titlesIn('x.test.ts', source).map(({ title }) => title)).toEqual([
      ...['§3.8 rule 1: one', 'A.2 %s', 'plain'],
    ]);
  });
});
