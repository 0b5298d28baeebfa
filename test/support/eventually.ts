import { expect } from 'vitest';

/** Generous: the machine may be busy with other work. Conditions end the wait, not this time. */
const PATIENCE_MS = 45_000;
const INTERVAL_MS = 100;

type Eventual<Value> = ReturnType<typeof expect.poll<Value>>;

/** Asserts that what `read` answers becomes as expected. */
export function eventually<Value>(read: () => Value, timeoutMs = PATIENCE_MS): Eventual<Value> {
  return expect.poll(read, { timeout: timeoutMs, interval: INTERVAL_MS });
}
