/**
 * The process's log: JSON lines on standard error, which the launcher shows or keeps. Quiet unless
 * something is wrong; `VMQ_LOG_LEVEL` (trace, debug, info, warn, error) says otherwise.
 */
import './tracing-channel';
import pino, { type Logger } from 'pino';

export type { Logger };

const STANDARD_ERROR = 2;
const LEVELS: ReadonlySet<string> = new Set(Object.keys(pino.levels.values));

/** Writes at once, so that the last line before a crash is there. */
export function createLog(name: string): Logger {
  const wanted = process.env['VMQ_LOG_LEVEL'] ?? '';
  const level = LEVELS.has(wanted) ? wanted : 'warn';
  return pino({ name, level }, pino.destination({ fd: STANDARD_ERROR, sync: true }));
}
