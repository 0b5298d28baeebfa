/**
 * The YAML text of a lab file with the place of every field, so that problems found later, in the
 * values, still point at the line that a person wrote.
 */
import { isMap, isNode, isPair, isScalar, LineCounter, parseDocument, type Document } from 'yaml';

import type { LabFileProblem } from './lab-file-error';

export type FieldPath = readonly (string | number)[];

export class LabFileSource {
  readonly #document: Document;
  readonly #lines: LineCounter;
  readonly #problems: LabFileProblem[] = [];

  constructor(text: string) {
    this.#lines = new LineCounter();
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    for (const error of this.#document.errors) {
      const place = this.#lines.linePos(error.pos[0]);
      this.#problems.push({
        line: place.line,
        column: place.col,
        field: '',
        expected: 'YAML',
        found: error.message,
      });
    }
  }

  get problems(): readonly LabFileProblem[] {
    return this.#problems;
  }

  /** The values, still to be validated. */
  get value(): unknown {
    const value: unknown = this.#document.toJS({ maxAliasCount: 100 });
    return value;
  }

  /** The value at a path; undefined when it is missing. */
  valueAt(path: FieldPath): unknown {
    let value = this.value;
    for (const part of path) {
      if (typeof value !== 'object' || value === null) return undefined;
      value = (value as Record<string | number, unknown>)[part];
    }
    return value;
  }

  /** Records a problem at the field, or at the nearest field around it when it is missing. */
  report(path: FieldPath, expected: string, found: string = describe(this.valueAt(path))): void {
    this.#add(path, this.#offsetOf(path), expected, found);
  }

  /** Records a problem at the key of a field rather than at its value. */
  reportKey(path: FieldPath, key: string, expected: string): void {
    const map = path.length === 0 ? this.#document.contents : this.#document.getIn(path, true);
    const pair = isMap(map)
      ? map.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === key)
      : undefined;
    const offset = isNode(pair?.key) ? pair.key.range?.[0] : undefined;
    this.#add([...path, key], offset ?? this.#offsetOf(path), expected, `"${key}"`);
  }

  #add(path: FieldPath, offset: number, expected: string, found: string): void {
    const place = this.#lines.linePos(offset);
    this.#problems.push({
      line: Math.max(1, place.line),
      column: Math.max(1, place.col),
      field: path.join('.'),
      expected,
      found,
    });
  }

  #offsetOf(path: FieldPath): number {
    for (let length = path.length; length > 0; length -= 1) {
      const node = this.#document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return node.range[0];
    }
    return this.#document.contents?.range?.[0] ?? 0;
  }
}

/** A value as it is quoted in a problem. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'an empty value';
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
