/**
 * The last minutes of one host's telemetry, kept as it came: counters, one slot per sample, in typed arrays
 * outside Vue's reactivity. Rates are differences between two samples and are taken only when somebody
 * looks, over the real time between the two, so nothing is smoothed and a missing sample stays a gap.
 */
import {
  DROP_COLUMNS,
  HEADER_COLUMNS,
  NIC_COLUMNS,
  PROCESSOR_COLUMNS,
  QUEUE_COLUMNS,
  telemetryTables,
  THREAD_COLUMNS,
  type TelemetryTable,
} from '../../contract/telemetry';

/** Ten samples a second for a little more than six minutes: the largest window, and room for a pause. */
export const CAPACITY_SAMPLES = 4096;
/** Samples further apart than this leave a gap, whatever the column's width. */
const LONGEST_GAP_MS = 1500;

export type RowKind = 'header' | 'thread' | 'queue' | 'nic' | 'processor' | 'drop';

/** One row of a table over time: one array per column. */
export interface SeriesRow {
  readonly key: string;
  readonly kind: RowKind;
  readonly columns: readonly Float64Array[];
  /** Number of the last sample that had this row. */
  lastSample: number;
}

/** Columns of a chart: value `i` lies between the samples `samples[i]` and `samples[i + 1]`; -1 is no sample. */
export interface TimeAxis {
  readonly endsMs: Float64Array;
  readonly samples: Int32Array;
  readonly gapMs: number;
}

export const headerKey = 'header';
export const threadKey = (thread: number): string => `thread:${thread}`;
export const queueKey = (adapter: number, queueId: number): string => `queue:${adapter}:${queueId}`;
export const nicKey = (nic: number): string => `nic:${nic}`;
export const dropKey = (reason: number): string => `drop:${reason}`;
export const processorKey = (processor: number): string => `processor:${processor}`;

export class HostSeries {
  readonly #times = new Float64Array(CAPACITY_SAMPLES);
  readonly #rows = new Map<string, SeriesRow>();
  #count = 0;

  /** Samples taken so far; the newest has the number `count - 1`. */
  get count(): number {
    return this.#count;
  }

  get latestMs(): number {
    return this.#count === 0 ? Number.NaN : this.timeOf(this.#count - 1);
  }

  get oldestMs(): number {
    return this.#count === 0 ? Number.NaN : this.timeOf(this.#oldest);
  }

  get #oldest(): number {
    return Math.max(0, this.#count - CAPACITY_SAMPLES);
  }

  timeOf(sample: number): number {
    return this.#times[sample % CAPACITY_SAMPLES] ?? Number.NaN;
  }

  /** Takes one telemetry array. False when it is not of this layout or older than what is here. */
  push(samples: Float64Array): boolean {
    const tables = telemetryTables(samples);
    const timeMs = samples[1] ?? Number.NaN;
    if (!tables || !(timeMs > 0) || timeMs <= this.latestMs) return false;
    this.#advance(timeMs);
    this.#store(headerKey, 'header', samples, 0, HEADER_COLUMNS.length);
    this.#storeTable('thread', samples, tables.threads, 1, THREAD_COLUMNS.length);
    this.#storeTable('queue', samples, tables.queues, 2, QUEUE_COLUMNS.length);
    this.#storeTable('nic', samples, tables.nics, 1, NIC_COLUMNS.length);
    this.#storeTable('processor', samples, tables.processors, 1, PROCESSOR_COLUMNS.length);
    this.#storeTable('drop', samples, tables.drops, 1, DROP_COLUMNS.length);
    return true;
  }

  /** Ends all series: the next sample comes from another process, whose counters start anew. */
  breakHere(): void {
    if (this.#count > 0) this.#advance(this.latestMs + 1);
  }

  rowsOf(kind: RowKind): SeriesRow[] {
    return [...this.#rows.values()].filter((row) => row.kind === kind);
  }

  row(key: string): SeriesRow | undefined {
    return this.#rows.get(key);
  }

  /** The value of a column at a sample; NaN when the row was not there. */
  valueAt(row: SeriesRow | undefined, column: number, sample: number): number {
    if (!row || sample < this.#oldest || sample >= this.#count) return Number.NaN;
    return row.columns[column]?.[sample % CAPACITY_SAMPLES] ?? Number.NaN;
  }

  /** The newest value of a row that is still there; NaN otherwise. */
  latestValue(key: string, column: number): number {
    return this.valueAt(this.#rows.get(key), column, this.#count - 1);
  }

  /** `count` columns of equal width that end at or before `endMs`, on whole multiples of the width. */
  axis(endMs: number, columnMs: number, count: number): TimeAxis {
    const endsMs = new Float64Array(count);
    const samples = new Int32Array(count + 1).fill(-1);
    let boundary = Math.floor(endMs / columnMs) * columnMs;
    let sample = this.#count - 1;
    for (let index = count; index >= 0; index -= 1) {
      while (sample >= this.#oldest && this.timeOf(sample) > boundary) sample -= 1;
      if (index > 0) endsMs[index - 1] = boundary;
      const isFresh =
        sample >= this.#oldest &&
        boundary - this.timeOf(sample) < Math.max(columnMs, LONGEST_GAP_MS);
      samples[index] = isFresh ? sample : -1;
      boundary -= columnMs;
    }
    return { endsMs, samples, gapMs: columnMs + LONGEST_GAP_MS };
  }

  /** Every sample between two times as its own column. */
  rawAxis(fromMs: number, toMs: number): TimeAxis {
    let first = this.#oldest;
    while (first < this.#count && this.timeOf(first) < fromMs) first += 1;
    let end = first;
    while (end < this.#count && this.timeOf(end) <= toMs) end += 1;
    const count = Math.max(0, end - first - 1);
    const samples = Int32Array.from({ length: count + 1 }, (_, index) => first + index);
    const endsMs = Float64Array.from({ length: count }, (_, index) =>
      this.timeOf(first + index + 1),
    );
    return { endsMs, samples, gapMs: LONGEST_GAP_MS };
  }

  /** Rise of a counter in column `index` of the axis, per second; NaN is a gap. */
  rateAt(row: SeriesRow | undefined, column: number, axis: TimeAxis, index: number): number {
    const from = axis.samples[index] ?? -1;
    const to = axis.samples[index + 1] ?? -1;
    if (!row || from < 0 || to <= from) return Number.NaN;
    const elapsedMs = this.timeOf(to) - this.timeOf(from);
    if (elapsedMs > axis.gapMs) return Number.NaN;
    const rise = this.valueAt(row, column, to) - this.valueAt(row, column, from);
    return rise >= 0 ? (rise * 1000) / elapsedMs : Number.NaN;
  }

  rates(key: string, column: number, axis: TimeAxis): Float64Array {
    const row = this.#rows.get(key);
    return Float64Array.from({ length: axis.endsMs.length }, (_, index) =>
      this.rateAt(row, column, axis, index),
    );
  }

  /** Rise per second over the last `spanMs` up to the newest sample; NaN when there is nothing to compare. */
  latestRate(key: string, column: number, spanMs = 1000): number {
    const newest = this.#count - 1;
    let from = newest;
    while (from > this.#oldest && this.latestMs - this.timeOf(from) < spanMs) from -= 1;
    const samples = Int32Array.of(from, newest);
    const axis: TimeAxis = {
      endsMs: Float64Array.of(this.latestMs),
      samples,
      gapMs: spanMs + LONGEST_GAP_MS,
    };
    return this.rateAt(this.#rows.get(key), column, axis, 0);
  }

  #advance(timeMs: number): void {
    const slot = this.#count % CAPACITY_SAMPLES;
    this.#times[slot] = timeMs;
    this.#count += 1;
    for (const row of this.#rows.values()) {
      if (row.lastSample < this.#oldest) this.#rows.delete(row.key);
      else for (const column of row.columns) column[slot] = Number.NaN;
    }
  }

  #storeTable(
    kind: RowKind,
    samples: Float64Array,
    table: TelemetryTable,
    identityColumns: number,
    width: number,
  ): void {
    for (let index = 0; index < table.rows; index += 1) {
      const offset = table.offset + index * table.stride;
      const key =
        identityColumns === 2
          ? `${kind}:${samples[offset]}:${samples[offset + 1]}`
          : `${kind}:${samples[offset]}`;
      this.#store(key, kind, samples, offset, width);
    }
  }

  #store(key: string, kind: RowKind, samples: Float64Array, offset: number, width: number): void {
    const row = this.#rows.get(key) ?? this.#addRow(key, kind, width);
    const newest = this.#count - 1;
    const slot = newest % CAPACITY_SAMPLES;
    row.lastSample = newest;
    for (let column = 0; column < width; column += 1) {
      const values = row.columns[column];
      if (values) values[slot] = samples[offset + column] ?? Number.NaN;
    }
  }

  #addRow(key: string, kind: RowKind, width: number): SeriesRow {
    const columns = Array.from({ length: width }, () =>
      new Float64Array(CAPACITY_SAMPLES).fill(Number.NaN),
    );
    const row: SeriesRow = { key, kind, columns, lastSample: this.#count - 1 };
    this.#rows.set(key, row);
    return row;
  }
}
