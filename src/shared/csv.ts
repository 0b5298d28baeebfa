/**
 * Comma-separated values as RFC 4180 describes them: CRLF after every record, and quotes around a
 * field that has a comma, a quote or a line break in it.
 */

const NEEDS_QUOTES = /[",\r\n]/;

/** One record for the headings and one for each row. */
export function toCsv(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  return [headings, ...rows].map((row) => `${row.map(csvField).join(',')}\r\n`).join('');
}

/** One field, quoted where it must be. */
export function csvField(text: string): string {
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
