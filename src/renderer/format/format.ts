/** How numbers, times and things of the lab are written. Units stand in headings; values that are not known are `–`. */
import type { QueueRequest, VlanMode, Workload } from '../../contract/model';
import { queueWeight } from '../../contract/vmq';

export const UNKNOWN = '–';

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const oneDecimal = new Intl.NumberFormat('en', {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const clock = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});
const dateAndClock = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

export function formatCount(value: number): string {
  return Number.isFinite(value) ? whole.format(value) : UNKNOWN;
}

export function formatDecimal(value: number): string {
  return Number.isFinite(value) ? oneDecimal.format(value) : UNKNOWN;
}

/** Bytes per second as Mbit/s. */
export function formatMbits(bytesPerSecond: number): string {
  return formatDecimal((bytesPerSecond * 8) / 1e6);
}

export function formatPercent(value: number): string {
  return Number.isFinite(value) ? `${oneDecimal.format(value)} %` : UNKNOWN;
}

/** Short axis labels: 950, 1.2 k, 3.4 M. */
export function formatShort(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e9) return `${trim(value / 1e9)} G`;
  if (size >= 1e6) return `${trim(value / 1e6)} M`;
  if (size >= 1e3) return `${trim(value / 1e3)} k`;
  return trim(value);
}

function trim(value: number): string {
  return String(Math.abs(value) >= 100 ? Math.round(value) : Math.round(value * 10) / 10);
}

export function formatMilliseconds(value: number): string {
  if (!Number.isFinite(value)) return UNKNOWN;
  if (value < 10) return `${value.toFixed(2)} ms`;
  if (value < 1000) return `${value.toFixed(1)} ms`;
  return `${(value / 1000).toFixed(2)} s`;
}

export function formatClock(timeMs: number): string {
  return Number.isFinite(timeMs) ? clock.format(timeMs) : UNKNOWN;
}

/** To the millisecond, for hover and for tables of events. */
export function formatExact(timeMs: number): string {
  const milliseconds = String(Math.floor(timeMs % 1000)).padStart(3, '0');
  return `${dateAndClock.format(timeMs)}.${milliseconds}`;
}

const FRESH_SECONDS = 60;

/** `now`, `12 s ago`, then `5 min ago`; the clock from an hour on. */
export function formatRelative(timeMs: number, nowMs: number): string {
  const seconds = Math.max(0, Math.round((nowMs - timeMs) / 1000));
  if (seconds < 2) return 'now';
  if (seconds < FRESH_SECONDS) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return formatClock(timeMs);
}

export function formatVlan(vlan: VlanMode | null | undefined): string {
  if (!vlan) return UNKNOWN;
  return vlan.mode === 'access' ? String(vlan.id) : 'untagged';
}

export function formatQueueRequest(request: QueueRequest): string {
  if (request.mode === 'none') return 'none';
  const place = request.mode === 'processor' ? `on processor ${request.processor}` : 'automatic';
  return `${place}, weight ${queueWeight(request)}`;
}

export function formatWorkload(workload: Workload): string {
  if (workload.kind === 'sender')
    return `sends ${formatShort(workload.framesPerSecond)} frames/s to ${workload.destinationIpv4}`;
  if (workload.kind === 'page-writer')
    return `writes ${formatShort(workload.pagesPerSecond)} pages/s`;
  return 'responds';
}

export function formatBufferMode(mode: string): string {
  return mode === 'shared-memory' ? 'VM memory' : 'host buffers';
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${whole.format(count)} ${count === 1 ? one : many}`;
}
