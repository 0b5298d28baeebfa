/**
 * 1,000 migrations there and back under traffic, or as many as VMQ_MIGRATIONS says: nothing is lost,
 * and no memory, thread, handle or anything else grows.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DROP_REASONS } from '../../src/contract/drop-reasons';
import type { Drops } from '../../src/contract/report';
import type { Measure } from './support/measured-processes';
import { Soak, type Outcome, type Sample } from './support/soak';

const MIGRATIONS = Number(process.env['VMQ_MIGRATIONS'] ?? 1000);
/** Threads and caches are made during the first moves. The VM is on its first host after even ones. */
const WARM_UP = 50;
const SAMPLE_EVERY = 10;
const LONGEST_MOVE_MS = 10_000;

const MIB = 1 << 20;
/**
 * Growth over the second half of the samples: by then compiled code and bounded lists have nearly
 * reached their size. Of 1,000 moves, two KiB each would be too much. The lab keeps more lists: 5,000
 * events, 100 migrations with their probes.
 */
const HEAP_GROWTH_BYTES = MIB;
const LAB_HEAP_GROWTH_BYTES = 2 * MIB;
const RESIDENT_GROWTH_BYTES = 16 * MIB;
/** Addresses of traps rest for ten seconds: about 30 migrations of each host. */
const MOST_LEARNED_MACS = 100;
/** The trap of a marker may be closed when the marker comes once more. */
const HARMLESS = 'port-down';

let soak: Soak;
let outcome: Outcome;

beforeAll(async () => {
  soak = await Soak.open();
  const beganMs = performance.now();
  for (let move = 1; move <= MIGRATIONS; move++) {
    await soak.move();
    if (move >= WARM_UP && move % SAMPLE_EVERY === 0) await soak.sample();
  }
  outcome = await soak.settle();
  console.info(figures((performance.now() - beganMs) / 60_000));
}, MIGRATIONS * LONGEST_MOVE_MS);

afterAll(() => soak.close());

describe('migrations there and back under traffic', () => {
  it('all complete, and the meter of none finds a frame lost, duplicated or reordered', () => {
    expect(soak.odd).toEqual([]);
    expect(soak.moves).toBe(MIGRATIONS);
  });

  it('lose, duplicate and reorder no frame of a flow that goes on all the time', () => {
    const { flow } = outcome;
    expect(flow).toMatchObject({ lost: 0, duplicated: 0, reordered: 0, wrong: [] });
    expect(flow.sent).toBeGreaterThan(MIGRATIONS);
  });

  it('drop no frame that somebody misses, at any host or the fabric', () => {
    const { hosts, fabric, generated, sunk } = outcome;
    for (const { conservation } of hosts) {
      expect(conservation).toMatchObject({ holds: true, held: 0 });
      expect(losses(conservation.dropped)).toEqual({});
    }
    expect(fabric).toMatchObject({ holds: true, held: 0, dropped: 0 });
    expect(sunk).toBeGreaterThanOrEqual(generated);
  });

  it('leave the same memory, threads, queues, filters, handles, sockets and files each time', () => {
    const [first, ...later] = soak.samples.map(atRest);
    for (const sample of later) expect(sample).toEqual(first);
  });

  it('leave few addresses in the tables of switches', () => {
    for (const { learnedMacs } of soak.samples)
      expect(Math.max(...Object.values(learnedMacs))).toBeLessThan(MOST_LEARNED_MACS);
  });

  it('do not let heaps or physical memory grow', () => {
    for (const name of Object.keys(soak.samples[0]?.processes ?? {})) {
      const mostHeap = name === 'lab' ? LAB_HEAP_GROWTH_BYTES : HEAP_GROWTH_BYTES;
      expect(growth(name, 'heapBytes'), `heap of ${name}`).toBeLessThan(mostHeap);
      expect(growth(name, 'externalBytes'), `buffers of ${name}`).toBeLessThan(HEAP_GROWTH_BYTES);
      const resident = growth(name, 'residentBytes');
      expect(resident, `physical memory of ${name}`).toBeLessThan(RESIDENT_GROWTH_BYTES);
    }
  });
});

function losses(dropped: Drops): Drops {
  const isLoss = (code: string): boolean =>
    code !== HARMLESS && DROP_REASONS.some((reason) => reason.code === code && reason.isLoss);
  return Object.fromEntries(Object.entries(dropped).filter(([code]) => isLoss(code)));
}

/** What must be exactly the same whenever the VM rests on its first host. */
function atRest({ processes, hosts, fabricPorts, files }: Sample): unknown {
  const handles = Object.entries(processes).map(([name, measure]) => {
    const { threads, files: open, resources } = measure;
    return { name, threads, open, resources };
  });
  return { handles, hosts, fabricPorts, files };
}

/** Growth of a figure over the second half of the samples, by the line of least squares. */
function growth(process: string, figure: keyof Measure): number {
  const half = soak.samples.slice(Math.floor(soak.samples.length / 2));
  const values = half.map(({ processes }) => processes[process]?.[figure] ?? Number.NaN);
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const slope =
    values.reduce((sum, value, at) => sum + (at - middle) * (value - mean), 0) /
    values.reduce((sum, _, at) => sum + (at - middle) ** 2, 0);
  return slope * (values.length - 1);
}

function figures(minutes: number): string {
  const downtimes = [...soak.downtimesMs].sort((one, other) => one - other);
  const downtime = (part: number): string =>
    `${(downtimes[Math.min(downtimes.length - 1, Math.floor(part * downtimes.length))] ?? 0).toFixed(1)} ms`;
  const { flow, generated } = outcome;
  const [first, last] = [soak.samples[0], soak.samples.at(-1)];
  const mebibytes = (bytes = 0): string => (bytes / MIB).toFixed(1);
  const lines = Object.keys(first?.processes ?? {}).map((name) => {
    const [before, after] = [first?.processes[name], last?.processes[name]];
    return (
      `${name}: heap ${mebibytes(before?.heapBytes)} → ${mebibytes(after?.heapBytes)} MiB, ` +
      `resident ${mebibytes(before?.residentBytes)} → ${mebibytes(after?.residentBytes)} MiB, ` +
      `${after?.threads} threads, ${after?.files} open files`
    );
  });
  return [
    `${soak.moves} migrations in ${minutes.toFixed(1)} minutes`,
    `downtime: median ${downtime(0.5)}, 99 of 100 ${downtime(0.99)}, longest ${downtime(1)}`,
    `frames: ${flow.sent} numbered, ${soak.probes} of meters, ${generated} generated`,
    `numbered frames lost ${flow.lost}, duplicated ${flow.duplicated}, reordered ${flow.reordered}`,
    `learned addresses: ${JSON.stringify(last?.learnedMacs)}`,
    ...lines,
  ].join('\n');
}
