/**
 * Telemetry: what the page draws ten times a second. It is not RPC: a host sends one Float64Array
 * per tick over a port or socket of its own, latest wins, nothing is ever queued.
 *
 * All counters count from the host's start and only rise; the page takes differences. Identities
 * (names, colours) come from the host's snapshot; rows are joined to it by the numeric columns.
 *
 * Layout, in 64-bit floats:
 * ```
 *  0            header, HEADER_COLUMNS
 *  HEADER       THREAD rows × THREAD_COLUMNS      (count in the header)
 *  …            QUEUE rows × QUEUE_COLUMNS
 *  …            NIC rows × NIC_COLUMNS
 *  …            PROCESSOR rows × PROCESSOR_COLUMNS
 *  …            DROP rows × DROP_COLUMNS
 * ```
 */

/** First value of every telemetry array. */
export const TELEMETRY_LAYOUT = 1;
/** Time between two arrays, in milliseconds. */
export const TELEMETRY_INTERVAL_MS = 100;

export const HEADER_COLUMNS = [
  'layout',
  /** Milliseconds since 1970 when the sample was taken. */
  'timeMs',
  /** Nanoseconds of the machine's monotonic clock when the sample was taken. */
  'monotonicNs',
  'threadCount',
  'queueCount',
  'nicCount',
  'processorCount',
  'enteredFrames',
  'copiesMade',
  'deliveredFrames',
  /** Frames lost, by the reasons that are losses. */
  'droppedFrames',
  'heldFrames',
  /** Frames that nobody here wanted. */
  'filteredFrames',
  'dropCount',
] as const;

/** One row per engine thread. Times are nanoseconds since the thread started. */
export const THREAD_COLUMNS = [
  /** Index of the thread in the host; stable while it lives. */
  'thread',
  /** See {@link THREAD_ROLES}. */
  'role',
  /** Adapter index, or -1. */
  'adapter',
  /** Queue id that it serves, or -1. */
  'queueId',
  /** Logical processor that it is pinned to, or -1. */
  'processor',
  'workNs',
  'pollNs',
  'sleepNs',
  /** CPU time of the thread by the system's account, or -1 where it cannot be read. */
  'systemCpuNs',
] as const;

/** Values of the thread column `role`. */
export const THREAD_ROLES = ['control', 'adapter', 'queue', 'link', 'vcpu', 'fabric'] as const;
export type ThreadRole = (typeof THREAD_ROLES)[number];

/** One row per receive queue that exists, the default queue (id 0) included. */
export const QUEUE_COLUMNS = [
  'adapter',
  'queueId',
  'frames',
  'bytes',
  'dropped',
  'indications',
  'interrupts',
  /** Frames in its completion ring now. */
  'pending',
  /** Receive buffers that the adapter can fill now. */
  'postedBuffers',
] as const;

/** One row per connected NIC. */
export const NIC_COLUMNS = [
  /** Index of the NIC in the host's snapshot (`nics[].index`). */
  'nic',
  'rxFrames',
  'rxBytes',
  'txFrames',
  'txBytes',
  'dropped',
  /** 1 while the thread that serves it is a queue's, 0 on the default queue. */
  'onQueue',
] as const;

/** One row per logical processor of the machine. Milliseconds since the machine started. */
export const PROCESSOR_COLUMNS = ['processor', 'busyMs', 'idleMs'] as const;

/** One row per drop reason: position in `DROP_REASONS`, and frames dropped for it since the host's start. */
export const DROP_COLUMNS = ['reason', 'frames'] as const;

export type HeaderColumn = (typeof HEADER_COLUMNS)[number];
export type ThreadColumn = (typeof THREAD_COLUMNS)[number];
export type QueueColumn = (typeof QUEUE_COLUMNS)[number];
export type NicColumn = (typeof NIC_COLUMNS)[number];
export type DropColumn = (typeof DROP_COLUMNS)[number];
export type ProcessorColumn = (typeof PROCESSOR_COLUMNS)[number];

/** Position of a header column in the array. */
export function headerIndex(column: HeaderColumn): number {
  return HEADER_COLUMNS.indexOf(column);
}

/** The five tables of one telemetry array, as offsets and row counts; no data is copied. */
export interface TelemetryTables {
  readonly threads: TelemetryTable;
  readonly queues: TelemetryTable;
  readonly nics: TelemetryTable;
  readonly processors: TelemetryTable;
  readonly drops: TelemetryTable;
}
export interface TelemetryTable {
  readonly offset: number;
  readonly rows: number;
  readonly stride: number;
}

/**
 * Finds the tables in a telemetry array.
 * @returns undefined when the array is not a telemetry array of this layout.
 */
export function telemetryTables(data: Float64Array): TelemetryTables | undefined {
  if (data.length < HEADER_COLUMNS.length || data[0] !== TELEMETRY_LAYOUT) return undefined;
  let offset: number = HEADER_COLUMNS.length;
  const take = (column: HeaderColumn, stride: number): TelemetryTable | undefined => {
    const rows = data[headerIndex(column)] ?? 0;
    if (!Number.isInteger(rows) || rows < 0 || offset + rows * stride > data.length)
      return undefined;
    const table = { offset, rows, stride };
    offset += rows * stride;
    return table;
  };
  const threads = take('threadCount', THREAD_COLUMNS.length);
  const queues = threads && take('queueCount', QUEUE_COLUMNS.length);
  const nics = queues && take('nicCount', NIC_COLUMNS.length);
  const processors = nics && take('processorCount', PROCESSOR_COLUMNS.length);
  const drops = processors && take('dropCount', DROP_COLUMNS.length);
  if (!threads || !queues || !nics || !processors || !drops) return undefined;
  return { threads, queues, nics, processors, drops };
}
