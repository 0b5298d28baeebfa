/** What `npm run -s bench -- --json` prints: one array of these results and nothing else. */
import { z } from 'zod';

export const spreadSchema = z.strictObject({
  median: z.number(),
  min: z.number(),
  max: z.number(),
});

/** Further figures, by name with the unit in it. */
const figuresSchema = z.record(z.string(), z.number());

/** One case of a benchmark that compares ours with a peer, or with a named baseline of our own. */
export const comparisonSchema = z.strictObject({
  name: z.string().min(1),
  case: z.string().min(1),
  /** Length of a frame without the frame check sequence; 0 where frames are of no account. */
  frameBytes: z.int().min(0),
  unit: z.string().min(1),
  ours: spreadSchema,
  /** The other program, or the baseline that `peerName` names. */
  peer: spreadSchema,
  peerName: z.string().min(1),
  /** Ours over peer, of measurements made next to each other. */
  ratio: spreadSchema,
  /** Pairs of measurements. */
  rounds: z.int().min(1),
  /** No frame appeared or disappeared unaccounted, on our side, and on the peer's as far as it counts. */
  conserved: z.boolean(),
  figures: figuresSchema.optional(),
});
export type Comparison = z.infer<typeof comparisonSchema>;

/** One case of the benchmark `migration`; each figure over all migrations of the case. */
export const migrationResultSchema = z.strictObject({
  name: z.literal('migration'),
  case: z.string().min(1),
  /** Between the guest's last turn at the source and its first at the target; of QEMU: what it claims. */
  downtimeMs: spreadSchema,
  totalMs: spreadSchema,
  /** Rounds of copying, the final one included. */
  rounds: spreadSchema,
  /** Bytes sent for the VM. */
  bytes: spreadSchema,
  /** Probes without an answer, or frames that were dropped anywhere if those were more. */
  lost: spreadSchema,
  duplicated: spreadSchema,
  reordered: spreadSchema,
  /** Longest time without an answer to the probes. */
  silenceMs: spreadSchema,
  /** Of the VM's memory, while it is copied. */
  mibPerSecond: spreadSchema,
  migrations: z.int().min(1),
  conserved: z.boolean(),
  /** What is compared with the peer, and the result: ours over peer, of runs made next to each other. */
  comparison: z
    .strictObject({
      figure: z.string().min(1),
      peerName: z.string().min(1),
      ours: spreadSchema,
      peer: spreadSchema,
      ratio: spreadSchema,
      /** How long the peer's guest was silent, and what its probes lost. */
      peerSilenceMs: spreadSchema.optional(),
      peerLost: spreadSchema.optional(),
    })
    .optional(),
});
export type MigrationResult = z.infer<typeof migrationResultSchema>;

export const benchResultSchema = z.union([migrationResultSchema, comparisonSchema]);
export type BenchResult = z.infer<typeof benchResultSchema>;

export const benchOutputSchema = z.array(benchResultSchema);
