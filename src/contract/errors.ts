/**
 * Errors as data. Every refusal that crosses a process border is one oRPC error named `REFUSED`
 * whose data is a {@link Refusal}: it says what was asked, what was found and what to do about it.
 * A refused command has changed nothing.
 */
import { z } from 'zod';

/** Every code that a refusal can carry, grouped by area. */
export const REFUSAL_CODES = [
  // connection
  'contract-version',
  'connection-closed',
  'not-found',
  'wrong-state',
  'invalid-value',
  /** A fault of the program itself; nothing that was asked caused it. */
  'internal',
  // lab and inventory
  'inventory-locked',
  'inventory-damaged',
  'inventory-schema',
  'inventory-unwritable',
  'duplicate-name',
  'duplicate-mac',
  'mac-range-exhausted',
  'lab-not-empty',
  // host
  'host-unavailable',
  'host-memory-exhausted',
  'thread-failed',
  // NDIS
  'ndis-status',
  // links
  'capture-unreadable',
  'capture-malformed',
  'link-failed',
  // migration
  'migration-target-refused',
  'migration-failed',
  'migration-cancelled',
  'migration-stream-invalid',
] as const;

export const refusalCodeSchema = z.enum(REFUSAL_CODES);
export type RefusalCode = z.infer<typeof refusalCodeSchema>;

export const refusalSchema = z.object({
  code: refusalCodeSchema,
  /** What happened, one sentence, with the object's name. */
  what: z.string(),
  /** Why: the rule, with what was expected and what was found. */
  why: z.string(),
  /** What the reader can do about it; empty when nothing can be done. */
  remedy: z.string(),
  /** Path of the offending field in the request, e.g. `nics.0.macs.0`. */
  field: z.string().optional(),
});
export type Refusal = z.infer<typeof refusalSchema>;

/** The error map that every procedure of every contract carries. */
export const refusalErrors = {
  REFUSED: { status: 409, message: 'The request was refused.', data: refusalSchema },
} as const;
