/**
 * The base of every error that VMQ Console raises on purpose: a code that programs compare, a
 * message that people read, and plain data that says what was expected and what was found.
 *
 * An error crosses a process border only as its payload, which is always cloneable:
 *
 *     port.postMessage(error.toPayload());
 *     throw VmqError.fromPayload(message);
 *
 * `fromPayload` accepts anything, since the other side of a border is not trusted.
 */

/** Values that error data may hold; all of them survive a structured clone and JSON. */
export type ErrorDataValue = string | number | boolean | null;

/** What an error says besides its message; flat, so that it can be shown as a table. */
export type ErrorData = Readonly<Record<string, ErrorDataValue>>;

/** The form in which an error crosses a process border. */
export interface ErrorPayload {
  readonly code: string;
  readonly message: string;
  readonly data: ErrorData;
  readonly cause?: ErrorPayload;
}

/** The optional parts of a {@link VmqError}. */
export interface VmqErrorOptions {
  /** Defaults to no data. */
  readonly data?: ErrorData;
  /** What led to this error; errors of the platform are kept by their message only. */
  readonly cause?: unknown;
}

/** The code given to an error that was not raised as a {@link VmqError}. */
export const UNEXPECTED_ERROR_CODE = 'unexpected';

/** Causes beyond this depth are cut: a payload may come from a hostile sender. */
const MAX_CAUSE_DEPTH = 8;

/** An error with a code. Subclasses narrow `Code` to the codes of their area. */
export class VmqError<Code extends string = string> extends Error {
  override readonly name: string = 'VmqError';
  readonly code: Code;
  readonly data: ErrorData;

  constructor(code: Code, message: string, options: VmqErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.data = options.data ?? {};
  }

  /** A plain copy that can be cloned to another thread or process. Stacks stay at home. */
  toPayload(): ErrorPayload {
    return payloadOf(this, 0);
  }

  /** The error that a payload describes. Never throws: parts that are not well formed are left out. */
  static fromPayload(payload: unknown): VmqError {
    return errorOf(payload, 0);
  }
}

/** A payload before its fields have been looked at. */
type UncheckedPayload = Readonly<Partial<Record<keyof ErrorPayload, unknown>>>;

function payloadOf(error: unknown, depth: number): ErrorPayload {
  if (!(error instanceof Error)) {
    return { code: UNEXPECTED_ERROR_CODE, message: describeThrown(error), data: {} };
  }
  const own = isVmqError(error)
    ? { code: error.code, message: error.message, data: onlyPlainValues(error.data) }
    : { code: UNEXPECTED_ERROR_CODE, message: error.message, data: {} };
  if (error.cause === undefined || depth >= MAX_CAUSE_DEPTH) return own;
  return { ...own, cause: payloadOf(error.cause, depth + 1) };
}

function errorOf(payload: unknown, depth: number): VmqError {
  const fields: UncheckedPayload = isObject(payload) ? payload : {};
  const code = typeof fields.code === 'string' ? fields.code : UNEXPECTED_ERROR_CODE;
  const message = typeof fields.message === 'string' ? fields.message : 'error without a message';
  const data = isObject(fields.data) ? onlyPlainValues(fields.data) : {};
  if (!isObject(fields.cause) || depth >= MAX_CAUSE_DEPTH) {
    return new VmqError(code, message, { data });
  }
  return new VmqError(code, message, { data, cause: errorOf(fields.cause, depth + 1) });
}

function onlyPlainValues(data: object): ErrorData {
  const entries: [string, unknown][] = Object.entries(data);
  return Object.fromEntries(
    entries.filter((entry): entry is [string, ErrorDataValue] => isPlain(entry[1])),
  );
}

function isVmqError(error: Error): error is VmqError {
  return error instanceof VmqError;
}

function isPlain(value: unknown): value is ErrorDataValue {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function describeThrown(value: unknown): string {
  return typeof value === 'string' ? value : `a ${typeof value} was thrown`;
}
