import { describe, expect, it } from 'vitest';
import { csvField, toCsv } from '../../src/shared/csv';

describe('toCsv', () => {
  it('ends every record with CRLF, the last one too', () => {
    expect(toCsv(['a', 'b'], [['1', '2']])).toBe('a,b\r\n1,2\r\n');
  });

  it('writes the headings alone when there is no row', () => {
    expect(toCsv(['a', 'b'], [])).toBe('a,b\r\n');
  });

  it.each([
    ['a comma', 'a,b', '"a,b"'],
    ['a quote, doubled', 'say "x"', '"say ""x"""'],
    ['a line feed', 'a\nb', '"a\nb"'],
    ['a carriage return', 'a\rb', '"a\rb"'],
  ])('quotes a field with %s', (_, text, field) => {
    expect(csvField(text)).toBe(field);
  });

  it('leaves other fields as they are, spaces and semicolons included', () => {
    expect([' a ', "it's; fine", ''].map(csvField)).toEqual([' a ', "it's; fine", '']);
  });
});
