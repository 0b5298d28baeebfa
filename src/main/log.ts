/** The main process's log: JSON lines on standard error. `VMQ_LOG_LEVEL` says how much; warnings by default. */
import './tracing-channel';
import pino from 'pino';

const STANDARD_ERROR = 2;

export const log = pino(
  { name: 'main', level: process.env['VMQ_LOG_LEVEL'] ?? 'warn' },
  pino.destination({ fd: STANDARD_ERROR, sync: true }),
);
