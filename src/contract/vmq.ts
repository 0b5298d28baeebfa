/**
 * What crosses a process border about Virtual Machine Queues: adapter profiles, capabilities, the
 * request log, adapter events, and why a NIC has no queue. Meanings: `docs/vmq-reference.md`.
 */
import { z } from 'zod';
import { idSchema, nameSchema } from './names';

const count = z.int().min(0);

// ── Adapter profiles ────────────────────────────────────────────────────────────────────────────

/** NDIS versions whose rules the engine knows; 6.30 stands for every later one too. */
export const ndisRevisionSchema = z.enum(['6.20', '6.30']);

/** Most VM queues that an adapter can have. */
export const MAX_VM_QUEUES = 64;

/** Link speed below which a switch keeps VMQ off, in Gbit/s (`docs/vmq-reference.md` §10.3). */
export const VMQ_LINK_SPEED_GBPS = 10;

const adapterProfileShape = z.strictObject({
  id: idSchema,
  name: nameSchema,
  ndisRevision: ndisRevisionSchema,
  /** VM queues of the hardware, without the default queue (`NumQueues`). */
  numQueues: z.int().min(1).max(MAX_VM_QUEUES),
  /** MAC-header filters of the hardware (`MaxMacHeaderFilters`): at least one for each queue. */
  numReceiveFilters: z.int().min(1).max(4096),
  /** Interrupt vectors for queues (§6.6). */
  msixVectors: z.int().min(1).max(2048),
  /** Whether filters may test the VLAN id. */
  vlanFiltering: z.boolean(),
  /** Sizes of the lookahead split in bytes; null: it cannot split. NDIS 6.20 only (§5.2). */
  lookaheadSplit: z
    .strictObject({ minBytes: z.int().min(14).max(256), maxBytes: z.int().min(14).max(256) })
    .nullable(),
  /** Whether a queue can move to another processor while it runs: always from 6.30 on (§2.3.3). */
  dynamicAffinity: z.boolean(),
  /** Whether queues on one processor share an interrupt vector: always from 6.30 on (§2.3.3). */
  vectorCoalescing: z.boolean(),
  /** What the adapter reports; frames are not slowed to it. */
  linkSpeedGbps: z.number().min(0.1).max(1000),
});

/** What an adapter's hardware can do. The rules between its members are those of §2.2 to §2.4 and §6.6. */
export const adapterProfileSchema = adapterProfileShape.superRefine((profile, context) => {
  for (const { path, message } of profileFaults(profile))
    context.addIssue({ code: 'custom', path: [path], message });
});
export type AdapterProfile = z.infer<typeof adapterProfileSchema>;

interface ProfileFault {
  readonly path: keyof z.infer<typeof adapterProfileShape>;
  readonly message: string;
}

function profileFaults(profile: z.infer<typeof adapterProfileShape>): ProfileFault[] {
  const { ndisRevision, numQueues, numReceiveFilters, msixVectors, lookaheadSplit } = profile;
  const faults: ProfileFault[] = [];
  const expect = (holds: boolean, path: ProfileFault['path'], message: string): void => {
    if (!holds) faults.push({ path, message });
  };
  const dynamic = ndisRevision === '6.30';
  const vectors = leastVectors(profile);
  expect(
    numReceiveFilters >= numQueues,
    'numReceiveFilters',
    `expected at least one filter for each of the ${numQueues} queues, found ${numReceiveFilters}`,
  );
  expect(
    msixVectors >= vectors,
    'msixVectors',
    `expected at least ${vectors} vectors for ${numQueues} queues, found ${msixVectors}`,
  );
  expect(
    profile.dynamicAffinity === dynamic,
    'dynamicAffinity',
    `expected ${dynamic} with NDIS ${ndisRevision}`,
  );
  expect(
    profile.vectorCoalescing === dynamic,
    'vectorCoalescing',
    `expected ${dynamic} with NDIS ${ndisRevision}`,
  );
  expect(
    lookaheadSplit === null || !dynamic,
    'lookaheadSplit',
    'expected null: NDIS 6.30 has no lookahead split',
  );
  expect(
    lookaheadSplit === null || lookaheadSplit.minBytes <= lookaheadSplit.maxBytes,
    'lookaheadSplit',
    'expected minBytes not above maxBytes',
  );
  return faults;
}

/**
 * Fewest vectors for the queues (§6.6). Queues that cannot share one need one each; those that can
 * need one each up to 16 queues, then 16, and 32 from 65 queues on.
 */
function leastVectors({
  numQueues,
  vectorCoalescing,
}: Pick<AdapterProfile, 'numQueues' | 'vectorCoalescing'>): number {
  if (!vectorCoalescing || numQueues <= 16) return numQueues;
  return numQueues <= 64 ? 16 : 32;
}

/** The adapter of a lab that names no profile: everything that the engine can do. */
export const DEFAULT_ADAPTER_PROFILE: AdapterProfile = {
  id: 'software',
  name: 'Software adapter',
  ndisRevision: '6.30',
  numQueues: MAX_VM_QUEUES,
  numReceiveFilters: 4 * MAX_VM_QUEUES,
  msixVectors: MAX_VM_QUEUES,
  vlanFiltering: true,
  lookaheadSplit: null,
  dynamicAffinity: true,
  vectorCoalescing: true,
  linkSpeedGbps: 10,
};

/** The profile of an adapter's configuration. */
export function adapterProfileOf(adapter: {
  readonly profile?: AdapterProfile | undefined;
}): AdapterProfile {
  return adapter.profile ?? DEFAULT_ADAPTER_PROFILE;
}

/** VM queues that an adapter offers: as many as are wanted, and no more than its hardware has. */
export function offeredQueues(adapter: {
  readonly queueCount: number;
  readonly profile?: AdapterProfile | undefined;
}): number {
  return Math.min(adapter.queueCount, adapterProfileOf(adapter).numQueues);
}

// ── Capabilities ────────────────────────────────────────────────────────────────────────────────

/** One member of NDIS_RECEIVE_FILTER_CAPABILITIES (§2.2), under its name there. */
export const capabilityFieldSchema = z.object({
  field: z.string(),
  value: count,
  /** Names of the bits that are set; empty for a count. */
  flags: z.array(z.string()),
  /** What it means, one sentence. */
  meaning: z.string(),
});
export type CapabilityField = z.infer<typeof capabilityFieldSchema>;

/** What an adapter says it can do, and what of it is on. Both lists have the same fields in the same order. */
export const capabilitiesSnapshotSchema = z.object({
  ndisRevision: ndisRevisionSchema,
  hardware: z.array(capabilityFieldSchema),
  /** Null: all of it is off. */
  current: z.array(capabilityFieldSchema).nullable(),
});
export type CapabilitiesSnapshot = z.infer<typeof capabilitiesSnapshotSchema>;

// ── Requests ────────────────────────────────────────────────────────────────────────────────────

/** Arguments of a request as they are shown. */
export const requestArgumentsSchema = z.record(
  z.string(),
  z.union([z.string(), z.number(), z.boolean(), z.null()]),
);

/** A request to an adapter that has ended (§9). */
export const requestLogEntrySchema = z.object({
  /** Rises by one per request of the adapter. */
  sequence: z.int(),
  /** Unix time in milliseconds when it began, after waiting for its turn. */
  atMs: z.number(),
  /** Name of the binding that asked. */
  caller: z.string(),
  /** Name of the OID, or of the function of the driver interface. */
  oid: z.string(),
  kind: z.enum(['query', 'set', 'method']),
  /** Which layer answered it. */
  answeredBy: z.enum(['ndis', 'miniport']),
  arguments: requestArgumentsSchema,
  /** Its completion status, by name. */
  status: z.string(),
  /** Why it was refused; empty when it was not. */
  reason: z.string(),
  waitedMs: z.number(),
  durationMs: z.number(),
});
export type RequestLogEntry = z.infer<typeof requestLogEntrySchema>;

/** The request that runs now. One that stays blocks every later one of its adapter (§6.7). */
export const pendingRequestSchema = z.object({
  caller: z.string(),
  oid: z.string(),
  arguments: requestArgumentsSchema,
  /** Unix time in milliseconds. */
  sinceMs: z.number(),
  /** Requests that wait behind it. */
  waiting: count,
  /** True when it has run for longer than any request should. */
  isStuck: z.boolean(),
  /** Who holds the receive buffers that it waits for. */
  heldBy: z.array(z.object({ holder: z.string(), buffers: count })),
  /** Engine threads that have not answered what the adapter asked of them. */
  waitsFor: z.array(z.string()),
});
export type PendingRequest = z.infer<typeof pendingRequestSchema>;

// ── Why a NIC has no queue ──────────────────────────────────────────────────────────────────────

/** The rule by which a NIC has no queue of its own. */
export const NO_QUEUE_RULES = [
  'asked-for-none',
  'vmq-off',
  'slow-link',
  'all-taken',
  'filters-taken',
  'taken-by-heavier',
  'no-vlan-filtering',
  'filter-cleared',
  'thread-lost',
  'migrating',
  'port-down',
  'adapter-down',
  'refused',
] as const;
export const noQueueRuleSchema = z.enum(NO_QUEUE_RULES);

export const noQueueReasonSchema = z.object({
  rule: noQueueRuleSchema,
  /** What is the case and by which rule, with names and numbers. */
  text: z.string(),
  /** What to do about it. */
  remedy: z.string(),
});
export type NoQueueReason = z.infer<typeof noQueueReasonSchema>;

// ── Queue requests ──────────────────────────────────────────────────────────────────────────────

/** How much a NIC wants a queue when they are scarce: 0 = not at all, 100 = most. */
export const queueWeightSchema = z
  .int()
  .min(0, 'expected a weight from 0 to 100')
  .max(100, 'expected a weight from 0 to 100');
export const DEFAULT_QUEUE_WEIGHT = 100;

/** The weight of a queue request; 0: no queue is wanted. */
export function queueWeight(request: {
  readonly mode: string;
  readonly weight?: number | undefined;
}): number {
  return request.mode === 'none' ? 0 : (request.weight ?? DEFAULT_QUEUE_WEIGHT);
}

// ── Adapter states and events ───────────────────────────────────────────────────────────────────

/** State of an adapter, which is another thing than the states of its queues (§6.5). */
export const ADAPTER_STATES = ['running', 'paused', 'resetting', 'halted', 'removed'] as const;
export const adapterStateSchema = z.enum(ADAPTER_STATES);
export type AdapterState = z.infer<typeof adapterStateSchema>;

/** What can happen to an adapter (§6.5). */
export const ADAPTER_EVENTS = [
  'pause',
  'restart',
  'reset',
  'halt',
  'initialise',
  'surprise-removal',
] as const;
export const adapterEventSchema = z.enum(ADAPTER_EVENTS);
export type AdapterEvent = z.infer<typeof adapterEventSchema>;
