/**
 * The memory layout against itself and against its description. The tables of `docs/memory-layout.md`
 * give each field its type; from them follow the lengths that the constants alone do not say.
 */
import { describe, expect, it } from 'vitest';

import { DROP_REASONS } from '../../../src/contract/drop-reasons';
import * as layout from '../../../src/engine/kernel/layout';
import { isPowerOfTwo } from '../../../src/shared/power-of-two';
import { readRepositoryText } from '../../support/repository';

const constants: Readonly<Record<string, number>> = { ...layout };

interface Row {
  readonly name: string;
  readonly value: number;
  /** Third cell: `u32`, `u64[64]`, `size`, `data`, or words. */
  readonly type: string;
}

interface Field {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly alignment: number;
}

const BYTES: Readonly<Record<string, number>> = { u16: 2, u32: 4, i32: 4, u64: 8, f64: 8 };

/** Rows of a table that begin with a constant; undefined for any other line. */
function rowOf(line: string): Row | undefined {
  const cells = /^\| `([A-Z][A-Z0-9_]*)` *\| *(\w+) *\| *([^|]*?) *\|/.exec(line);
  const [, name, value, type] = cells ?? [];
  if (name === undefined || value === undefined || type === undefined) return undefined;
  return { name, value: Number(value), type };
}

/** The tables of the document, each as its rows, in order. */
function tablesOf(text: string): Row[][] {
  const tables: Row[][] = [];
  let isInTable = false;
  for (const line of text.split('\n')) {
    const row = rowOf(line);
    if (row) {
      if (!isInTable) tables.push([]);
      tables.at(-1)?.push(row);
    }
    isInTable = row !== undefined;
  }
  return tables;
}

function fieldOf({ name, value, type }: Row): Field | undefined {
  const [, base = '', count = '1'] = /^([a-z]\d+)(?:\[(\d+)\])?$/.exec(type) ?? [];
  const bytes = BYTES[base];
  if (bytes === undefined) return undefined;
  return { name, start: value, end: value + bytes * Number(count), alignment: bytes };
}

const tables = tablesOf(readRepositoryText('docs/memory-layout.md'));
const rows = tables.flat();
/** Blocks and entries: the tables whose rows have types. */
const blocks = tables
  .map((table) => ({
    rows: table,
    fields: table.flatMap((row) => fieldOf(row) ?? []),
    limits: table.filter(({ type }) => type === 'size' || type === 'data'),
  }))
  .filter(({ fields }) => fields.length > 0);

/**
 * Fields that are written often, in groups: those of one group have one writer, those of two groups
 * have two. Groups of one block are on different lines.
 */
const HOT: Readonly<Record<string, readonly (readonly number[])[]>> = {
  thread: [
    [layout.T_WAKE, layout.T_DOORBELL],
    [layout.T_SLEEPING],
    [layout.T_PENDING],
    [layout.T_POOL_FREE, layout.T_NOTICES, layout.T_STALLED],
    [layout.T_COUNTERS],
  ],
  ring: [
    [layout.R_TAIL],
    [layout.R_HEAD],
    [layout.R_CAPACITY],
    [layout.R_NEXT, layout.R_RECLAIMED],
  ],
  queue: [
    [layout.Q_FREE_RING, layout.Q_COMPLETION_RING],
    [layout.Q_FENCES, layout.Q_UNSIGNALLED, layout.Q_FRAMES, layout.Q_INTERRUPTS],
    [layout.Q_INDICATIONS, layout.Q_FENCES_PASSED, layout.Q_OLDEST_NS, layout.Q_LATENCY],
  ],
  adapter: [
    [layout.A_FILTERS, layout.A_NICS, layout.A_UPLINK],
    [layout.A_LEARN_SECOND, layout.A_REFUSES],
    [layout.A_RAISED, layout.A_INTERRUPTS],
  ],
  NIC: [
    [layout.N_MEMORY, layout.N_RX_DESC, layout.N_TX_SIZE],
    [layout.N_KICK, layout.N_STARVED],
    [layout.N_RX_LAST_AVAIL, layout.N_TX_USED_SHOWN, layout.N_SPARE_COUNT, layout.N_DROPPED],
  ],
  'wire ring': [
    [layout.W_TAIL],
    [layout.W_NEXT],
    [layout.W_HEAD],
    [layout.W_CAPACITY, layout.W_WAKE],
    [layout.W_LINK_SLEEPING, layout.W_LINK_WAKE],
  ],
  'fabric port': [
    [layout.FP_IN, layout.FP_OUT],
    [layout.FP_FRAMES_IN, layout.FP_DROPPED],
  ],
};

function linesOf(offsets: readonly number[]): number[] {
  return [...new Set(offsets.map((offset) => Math.floor(offset / layout.LINE)))];
}

function overlapsOf(fields: readonly Field[]): string[] {
  const sorted = [...fields].sort((one, other) => one.start - other.start);
  return sorted.flatMap((field, index) => {
    const before = sorted[index - 1];
    return before && before.end > field.start ? [`${before.name} and ${field.name}`] : [];
  });
}

describe('the memory layout', () => {
  it('has the values that its description states', () => {
    const stated = Object.fromEntries(rows.map(({ name, value }) => [name, value]));
    expect(stated).toEqual(constants);
  });

  it('is described once for each constant', () => {
    const names = rows.map(({ name }) => name);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it('is described with a type for each field of a block', () => {
    const untyped = blocks.flatMap(({ rows: all, fields, limits }) =>
      all.length === fields.length + limits.length ? [] : all.map(({ name }) => name),
    );
    expect(untyped).toEqual([]);
  });

  it('lets no two fields of a block overlap', () => {
    expect(blocks.flatMap(({ fields }) => overlapsOf(fields))).toEqual([]);
  });

  it('keeps each field inside its block', () => {
    const limitless = blocks.filter(({ limits }) => limits.length === 0);
    expect(limitless.map(({ fields }) => fields[0]?.name)).toEqual([]);
    const outside = blocks.flatMap(({ fields, limits }) =>
      limits.flatMap((limit) =>
        fields
          .filter((field) => field.end > limit.value)
          .map((field) => `${field.name} reaches beyond ${limit.name}`),
      ),
    );
    expect(outside).toEqual([]);
  });

  it('aligns each field to its own length', () => {
    const odd = blocks.flatMap(({ fields }) =>
      fields.filter(({ start, alignment }) => start % alignment !== 0).map(({ name }) => name),
    );
    expect(odd).toEqual([]);
  });

  it.each(['THREAD_SIZE', 'QUEUE_SIZE', 'ADAPTER_SIZE', 'NIC_SIZE', 'VM_SIZE'])(
    'makes %s whole lines',
    (name) => {
      expect((constants[name] ?? 1) % layout.LINE).toBe(0);
    },
  );

  it.each(Object.entries(HOT))(
    'keeps fields of a %s that different threads write often on different lines',
    (_, groups) => {
      const lines = groups.flatMap((group) => linesOf(group));
      expect(lines.filter((line, index) => lines.indexOf(line) !== index)).toEqual([]);
    },
  );

  it('starts rings, wire data and counters on a line', () => {
    const starts = [layout.R_ENTRIES, layout.W_DATA, layout.T_COUNTERS, layout.BUFFER_DATA];
    expect(starts.filter((start) => start % layout.LINE !== 0)).toEqual([]);
  });

  it('counts drops in the order of the contract', () => {
    const positions = DROP_REASONS.map(
      ({ code }) => constants[`DROP_${code.toUpperCase().replaceAll('-', '_')}`],
    );
    expect(positions).toEqual(DROP_REASONS.map((_, index) => index));
    expect(layout.DROP_REASON_COUNT).toBe(DROP_REASONS.length);
  });

  it('has a place for each counter', () => {
    expect(layout.CT_DROPS + layout.DROP_REASON_COUNT).toBeLessThanOrEqual(layout.COUNTERS);
    const positions = Object.entries(constants).filter(([name]) => name.startsWith('CT_'));
    expect(new Set(positions.map(([, position]) => position)).size).toBe(positions.length);
    expect(Math.max(...positions.map(([, position]) => position))).toBe(layout.CT_DROPS);
  });

  it('derives sizes from one another', () => {
    const { MAC_BUCKETS, MAC_BUCKET, MAC_ENTRY_SIZE, PAGE_SHIFT } = layout;
    expect(layout.MAC_TABLE_SIZE).toBe(MAC_BUCKETS * MAC_BUCKET * MAC_ENTRY_SIZE);
    expect(layout.PAGE_SIZE).toBe(2 ** PAGE_SHIFT);
    expect(layout.RX_BUFFER_MIN).toBe(layout.VIRTIO_NET_HEADER + layout.FRAME_MAX);
    expect(layout.BUFFER_DATA + layout.FRAME_MAX_TAGGED).toBeLessThanOrEqual(layout.BUFFER_SIZE);
    expect(layout.GUEST_BUFFER).toBeGreaterThanOrEqual(layout.RX_BUFFER_MIN);
  });

  it('uses powers of two where the kernels mask', () => {
    const masked = [
      ...[layout.BUFFER_SIZE, layout.MAC_BUCKETS, layout.PAGE_SIZE, layout.GUEST_BUFFER],
      ...[layout.ENTRY_SIZE, layout.FILTER_SIZE, layout.COMPLETION_SIZE],
    ];
    expect(masked.filter((value) => !isPowerOfTwo(value))).toEqual([]);
  });

  it('has a pending bit for each thread', () => {
    expect(layout.T_PENDING + layout.MAX_THREADS / 8).toBeLessThanOrEqual(layout.T_INDEX);
  });

  it('fits NICs and flows of a guest between its state and its rings', () => {
    const nicArea = 0x2000;
    const nics = (layout.VM_SIZE - layout.V_NICS) / 4;
    const end = layout.G_NICS + Math.min(nics, 4) * layout.GUEST_NIC_SIZE;
    expect(end).toBeLessThanOrEqual(layout.G_FLOWS);
    const flowsEnd = layout.G_FLOWS + layout.GUEST_FLOWS * layout.GUEST_FLOW_SIZE;
    expect(layout.G_BASE + flowsEnd).toBeLessThanOrEqual(nicArea);
    // One mark of the dirty log covers the whole state.
    expect(layout.G_BASE % layout.PAGE_SIZE).toBe(0);
  });
});
