/**
 * Which tests there are, read from the source of the tests: the title of each `it`, and the rules
 * that it names. A title names rules as `§3.8 rule 3`, `§3.8 rules 1, 2 and 4`, `§3.2 rules 1 to 13`
 * `A.7` or `A.1 to A.3`. Only titles that stand in the source as a literal count.
 */
import ts from 'typescript';

import { readRepositoryText, repositoryFiles } from '../../support/repository';

export interface TitledTest {
  /** Path from the root of the repository. */
  readonly file: string;
  readonly title: string;
  /** Ids of the rules that the title names. */
  readonly rules: readonly string[];
}

const SECTION_RULES = /§(\d+(?:\.\d+)+) rules? (\d+(?:(?:, | and | to )\d+)*)/g;
const INVARIANTS = /\bA\.(\d+)(?: to A\.(\d+))?\b/g;
/** What most files have not got need not be parsed. */
const MENTIONS_A_RULE = /§[\d.]+ rules? \d|\bA\.\d/;

/** Every test of the repository whose title names a rule. */
export function titledTests(): readonly TitledTest[] {
  return repositoryFiles()
    .filter((file) => /^test\/.*\.test\.ts$/.test(file))
    .flatMap((file) => titlesIn(file, readRepositoryText(file)))
    .filter(({ rules }) => rules.length > 0);
}

/** The tests of one file. */
export function titlesIn(file: string, text: string): readonly TitledTest[] {
  if (!MENTIONS_A_RULE.test(text)) return [];
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  const found: TitledTest[] = [];
  const visit = (node: ts.Node): void => {
    const title = titleOf(node);
    if (title !== undefined) found.push({ file, title, rules: rulesIn(title) });
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Ids of the rules that a title names, in its order. */
export function rulesIn(title: string): readonly string[] {
  const inSections = [...title.matchAll(SECTION_RULES)].flatMap(([, section = '', numbers = '']) =>
    numbersIn(numbers).map((number) => `§${section} rule ${number}`),
  );
  const invariants = [...title.matchAll(INVARIANTS)].flatMap(([, first = '', last = first]) =>
    numbersIn(`${first} to ${last}`).map((number) => `A.${number}`),
  );
  return [...new Set([...inSections, ...invariants])];
}

/** `1, 2 and 5 to 7` as numbers. */
function numbersIn(text: string): readonly number[] {
  return text.split(/, | and /).flatMap((part) => {
    const [first = 0, last = first] = part.split(' to ').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** The title of `it('…', …)` or `it.each(…)('…', …)`. */
function titleOf(node: ts.Node): string | undefined {
  if (!ts.isCallExpression(node) || !isTest(node.expression)) return undefined;
  const [title] = node.arguments;
  return title !== undefined && ts.isStringLiteralLike(title) ? title.text : undefined;
}

function isTest(callee: ts.Expression): boolean {
  if (ts.isIdentifier(callee)) return callee.text === 'it';
  if (!ts.isCallExpression(callee) || !ts.isPropertyAccessExpression(callee.expression))
    return false;
  const { expression, name } = callee.expression;
  return ts.isIdentifier(expression) && expression.text === 'it' && name.text === 'each';
}
