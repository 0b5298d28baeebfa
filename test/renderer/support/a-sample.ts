/** Telemetry arrays as hosts send them, from rows by column name. */
import {
  HEADER_COLUMNS,
  NIC_COLUMNS,
  PROCESSOR_COLUMNS,
  QUEUE_COLUMNS,
  TELEMETRY_LAYOUT,
  THREAD_COLUMNS,
  type NicColumn,
  type ProcessorColumn,
  type QueueColumn,
  type ThreadColumn,
} from '../../../src/contract/telemetry';

export interface SampleRows {
  readonly timeMs: number;
  readonly threads?: readonly Partial<Record<ThreadColumn, number>>[];
  readonly queues?: readonly Partial<Record<QueueColumn, number>>[];
  readonly nics?: readonly Partial<Record<NicColumn, number>>[];
  readonly processors?: readonly Partial<Record<ProcessorColumn, number>>[];
}

export function aSample({
  timeMs,
  threads = [],
  queues = [],
  nics = [],
  processors = [],
}: SampleRows): Float64Array {
  const header = [
    TELEMETRY_LAYOUT,
    timeMs,
    0,
    threads.length,
    queues.length,
    nics.length,
    processors.length,
  ];
  while (header.length < HEADER_COLUMNS.length) header.push(0);
  const cells = <Column extends string>(
    columns: readonly Column[],
    rows: readonly Partial<Record<Column, number>>[],
  ): number[] => rows.flatMap((row) => columns.map((column) => row[column] ?? 0));
  return Float64Array.from([
    ...header,
    ...cells(THREAD_COLUMNS, threads),
    ...cells(QUEUE_COLUMNS, queues),
    ...cells(NIC_COLUMNS, nics),
    ...cells(PROCESSOR_COLUMNS, processors),
  ]);
}
