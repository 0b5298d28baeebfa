/**
 * Events: everything that the engine and the lab do, with time, object and cause. The lab keeps the
 * list; hosts stream theirs to it.
 */
import { z } from 'zod';

export const eventObjectSchema = z.object({
  kind: z.enum([
    'lab',
    'host',
    'adapter',
    'queue',
    'filter',
    'vm',
    'nic',
    'link',
    'fabric',
    'migration',
    'thread',
  ]),
  /** Id within its kind: an object id, or a queue or filter number as text. */
  id: z.string(),
  /** What a reader calls it: `web-01`, `queue 3 of nic-a`. */
  name: z.string(),
});
export type EventObject = z.infer<typeof eventObjectSchema>;

export const labEventSchema = z.object({
  /** Rises by one per event of a lab process; gaps never occur. */
  sequence: z.int().min(0),
  /** Milliseconds since 1970, UTC, with fractions. */
  timeMs: z.number(),
  /** `area/past-tense`: `queue/state-changed`, `migration/phase-entered`. */
  type: z.string().regex(/^[a-z]+\/[a-z-]+$/),
  severity: z.enum(['info', 'warning', 'error']),
  hostId: z.string().optional(),
  object: eventObjectSchema,
  /** One sentence: what happened. */
  text: z.string(),
  /** Why: the command, the rule or the fault behind it. */
  cause: z.string(),
});
export type LabEvent = z.infer<typeof labEventSchema>;
/** An event as a host emits it; the lab adds sequence and host. */
export type EngineEvent = Omit<LabEvent, 'sequence' | 'hostId'>;
export const engineEventSchema = labEventSchema.omit({ sequence: true, hostId: true });
