/** Requests of adapters as rows: what the table of them shows and what its filter finds. */
import type { RequestLogEntry } from '../../contract/vmq';

export interface RequestRow {
  readonly key: string;
  readonly entry: RequestLogEntry;
  readonly arguments: string;
  readonly isRefused: boolean;
}

/** Statuses that are no refusal. */
const GOOD: ReadonlySet<string> = new Set(['NDIS_STATUS_SUCCESS', 'NDIS_STATUS_PENDING']);

/** Newest first; with a filter, only those that have every word of it somewhere. */
export function requestRows(
  entries: readonly RequestLogEntry[],
  filter: string,
  onlyRefused: boolean,
): RequestRow[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return entries
    .map((entry) => ({
      key: String(entry.sequence),
      entry,
      arguments: argumentText(entry.arguments),
      isRefused: !GOOD.has(entry.status),
    }))
    .filter((row) => {
      if (onlyRefused && !row.isRefused) return false;
      const { caller, oid, kind, status, reason } = row.entry;
      const text = [caller, oid, kind, status, reason, row.arguments].join(' ').toLowerCase();
      return words.every((word) => text.includes(word));
    })
    .reverse();
}

/** `queueId 3, mac 02:…`: null is written as none. */
export function argumentText(values: RequestLogEntry['arguments']): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${value === null ? 'none' : String(value)}`)
    .join(', ');
}

/** A status without the prefix that all of them have: `INVALID_PARAMETER`. */
export function statusWord(status: string): string {
  return status.replace(/^NDIS_STATUS_/, '');
}
