/** Telemetry arrays as hosts send them, from rows by column name. */
import {
  DROP_COLUMNS,
  HEADER_COLUMNS,
  NIC_COLUMNS,
  PROCESSOR_COLUMNS,
  QUEUE_COLUMNS,
  TELEMETRY_LAYOUT,
  THREAD_COLUMNS,
  type DropColumn,
  type HeaderColumn,
  type NicColumn,
  type ProcessorColumn,
  type QueueColumn,
  type ThreadColumn,
} from '../../../src/contract/telemetry';

export interface SampleRows {
  readonly timeMs: number;
  /** Other columns of the header; zero when left out. */
  readonly header?: Partial<Record<HeaderColumn, number>>;
  readonly threads?: readonly Partial<Record<ThreadColumn, number>>[];
  readonly queues?: readonly Partial<Record<QueueColumn, number>>[];
  readonly nics?: readonly Partial<Record<NicColumn, number>>[];
  readonly processors?: readonly Partial<Record<ProcessorColumn, number>>[];
  readonly drops?: readonly Partial<Record<DropColumn, number>>[];
}

export function aSample(rows: SampleRows): Float64Array {
  const { threads = [], queues = [], nics = [], processors = [], drops = [] } = rows;
  const header: Partial<Record<HeaderColumn, number>> = {
    ...rows.header,
    layout: TELEMETRY_LAYOUT,
    timeMs: rows.timeMs,
    threadCount: threads.length,
    queueCount: queues.length,
    nicCount: nics.length,
    processorCount: processors.length,
    dropCount: drops.length,
  };
  const cells = <Column extends string>(
    columns: readonly Column[],
    rows: readonly Partial<Record<Column, number>>[],
  ): number[] => rows.flatMap((row) => columns.map((column) => row[column] ?? 0));
  return Float64Array.from([
    ...cells(HEADER_COLUMNS, [header]),
    ...cells(THREAD_COLUMNS, threads),
    ...cells(QUEUE_COLUMNS, queues),
    ...cells(NIC_COLUMNS, nics),
    ...cells(PROCESSOR_COLUMNS, processors),
    ...cells(DROP_COLUMNS, drops),
  ]);
}
