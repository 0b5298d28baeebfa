/** Positions of the contract's telemetry columns, looked up once. */
import {
  DROP_COLUMNS,
  HEADER_COLUMNS,
  NIC_COLUMNS,
  PROCESSOR_COLUMNS,
  QUEUE_COLUMNS,
  THREAD_COLUMNS,
  THREAD_ROLES,
} from '../../contract/telemetry';

type Positions<Names extends readonly string[]> = Readonly<Record<Names[number], number>>;

function positionsOf<const Names extends readonly string[]>(names: Names): Positions<Names> {
  const entries = names.map((name, index) => [name, index]);
  return Object.fromEntries(entries) as Positions<Names>;
}

export const HEADER = positionsOf(HEADER_COLUMNS);
export const THREAD = positionsOf(THREAD_COLUMNS);
export const QUEUE = positionsOf(QUEUE_COLUMNS);
export const NIC = positionsOf(NIC_COLUMNS);
export const PROCESSOR = positionsOf(PROCESSOR_COLUMNS);
export const DROP = positionsOf(DROP_COLUMNS);
export const ROLE = positionsOf(THREAD_ROLES);
