/**
 * Sizes, rates and how they are written on screen and in logs. Memory counts in powers of 1024
 * (KiB), rates in powers of 1000 (kbit/s), three significant digits each.
 */

/** 1024 bytes. */
export const KIB = 1024;
/** 1024 KiB in bytes. */
export const MIB = 1024 * KIB;
/** 1024 MiB in bytes. */
export const GIB = 1024 * MIB;

/** Nanoseconds in one second. */
export const NANOSECONDS_PER_SECOND = 1_000_000_000;
/** Nanoseconds in one millisecond. */
export const NANOSECONDS_PER_MILLISECOND = 1_000_000;
/** Nanoseconds in one microsecond. */
export const NANOSECONDS_PER_MICROSECOND = 1000;

/** Shown for a value that is not known: never a number that was not counted. */
const UNKNOWN_VALUE = '–';

const DECIMAL_PREFIXES = ['', 'k', 'M', 'G', 'T'] as const;
const BINARY_PREFIXES = ['', 'Ki', 'Mi', 'Gi', 'Ti'] as const;

/** A frame rate, for example `1.25 Mframes/s`. Anything that is not finite is `–`. */
export function formatFrameRate(framesPerSecond: number): string {
  return formatScaled(framesPerSecond, 1000, DECIMAL_PREFIXES, 'frames/s');
}

/** A bit rate, for example `940 Mbit/s`. Anything that is not finite is `–`. */
export function formatBitRate(bitsPerSecond: number): string {
  return formatScaled(bitsPerSecond, 1000, DECIMAL_PREFIXES, 'bit/s');
}

/** A size in memory, for example `1.5 GiB` or `512 B`. Anything that is not finite is `–`. */
export function formatBytes(bytes: number): string {
  return formatScaled(bytes, 1024, BINARY_PREFIXES, 'B');
}

function formatScaled(
  value: number,
  base: number,
  prefixes: readonly string[],
  unit: string,
): string {
  if (!Number.isFinite(value)) return UNKNOWN_VALUE;
  let scaled = Math.abs(value);
  let step = 0;
  // Compared as rounded: 999.7 k is written as 1 M, not as 1000 k.
  while (roundForDisplay(scaled) >= base && step < prefixes.length - 1) {
    scaled /= base;
    step += 1;
  }
  const rounded = roundForDisplay(scaled);
  const sign = value < 0 && rounded !== 0 ? '-' : '';
  return `${sign}${rounded} ${prefixes[step] ?? ''}${unit}`;
}

/** Three significant digits below 100, whole numbers from there on. */
function roundForDisplay(value: number): number {
  if (value >= 100) return Math.round(value);
  return value >= 10 ? Math.round(value * 10) / 10 : Math.round(value * 100) / 100;
}
