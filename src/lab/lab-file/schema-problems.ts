/** Turns what the schema finds wrong into problems with a place, an expectation and a finding. */
import type { z } from 'zod';

import type { FieldPath, LabFileSource } from './source';

type Issue = z.core.$ZodIssue;

/** Reports every issue of the schema at its field. */
export function reportIssues(
  source: LabFileSource,
  issues: readonly Issue[],
  base: FieldPath = [],
): void {
  for (const issue of issues) reportIssue(source, issue, [...base, ...fieldPath(issue.path)]);
}

function reportIssue(source: LabFileSource, issue: Issue, path: FieldPath): void {
  // The contract's own words are better than those made of a code.
  if (issue.message.startsWith('expected ')) {
    source.report(path, issue.message.slice('expected '.length));
    return;
  }
  switch (issue.code) {
    case 'unrecognized_keys':
      for (const key of issue.keys) source.reportKey(path, key, 'a known field');
      return;
    case 'invalid_union':
      reportUnion(source, issue, path);
      return;
    case 'invalid_type':
      source.report(path, article(issue.expected));
      return;
    case 'invalid_value':
      source.report(path, issue.values.map((value) => JSON.stringify(value)).join(' or '));
      return;
    case 'too_small': {
      const bound = issue.inclusive === false ? 'more than' : 'at least';
      source.report(path, `${sizeOf(issue.origin)} of ${bound} ${issue.minimum}`);
      return;
    }
    case 'too_big':
      source.report(path, `${sizeOf(issue.origin)} of at most ${issue.maximum}`);
      return;
    default:
      source.report(path, issue.message.replace(/^(Invalid input: )?expected /i, ''));
  }
}

function reportUnion(
  source: LabFileSource,
  issue: z.core.$ZodIssueInvalidUnion,
  path: FieldPath,
): void {
  // A discriminated union that found no branch says which values would do.
  if (issue.errors.length === 0) {
    source.report(path, `one of ${unionOptions(issue)}`);
    return;
  }
  // The branch that is meant is the one that knows the keys that were written.
  const meant = issue.errors.find((branch) => !branch.some((inner) => inner.path.length === 0));
  if (meant !== undefined && isPresent(source, meant, path)) {
    reportIssues(source, meant, path);
    return;
  }
  const keys = issue.errors
    .flatMap((branch) => branch.map((inner) => String(inner.path[0] ?? '')))
    .filter((key) => key !== '');
  source.report(path, `one of: ${[...new Set(keys)].join(', ')}`);
}

/** Whether the field that a branch asks for was written at all. */
function isPresent(source: LabFileSource, branch: readonly Issue[], path: FieldPath): boolean {
  return branch.every(
    (issue) => source.valueAt([...path, ...fieldPath(issue.path).slice(0, 1)]) !== undefined,
  );
}

function unionOptions(issue: z.core.$ZodIssueInvalidUnion): string {
  const options = 'options' in issue && Array.isArray(issue.options) ? issue.options : [];
  return options.length === 0
    ? 'the known kinds'
    : options.map((option) => JSON.stringify(option)).join(', ');
}

function fieldPath(path: readonly PropertyKey[]): (string | number)[] {
  return path.map((part) => (typeof part === 'symbol' ? String(part) : part));
}

function article(type: string): string {
  if (type === 'int') return 'a whole number';
  if (type === 'object' || type === 'array')
    return type === 'array' ? 'a list' : 'a group of fields';
  return `a ${type}`;
}

function sizeOf(origin: string): string {
  if (origin === 'string') return 'a length';
  return origin === 'array' ? 'a list' : 'a number';
}
