/** Columns of a table: what a heading says, how a cell is aligned and sorted. */
export interface TableColumn<Row> {
  readonly key: string;
  readonly label: string;
  /** Explains the heading on hover. */
  readonly hint?: string;
  readonly isNumber?: boolean;
  /** Value to sort by; a column without it cannot be sorted. */
  readonly sortBy?: (row: Row) => string | number;
  /** Text of the cell where no slot draws it. */
  readonly text?: (row: Row) => string;
}

export interface TableOrder {
  readonly column: string;
  readonly isDescending: boolean;
}

const collator = new Intl.Collator('en', { numeric: true });

/** Rows in the asked order; the given order when the column cannot be sorted. Unknown numbers come last. */
export function sortedRows<Row>(
  rows: readonly Row[],
  columns: readonly TableColumn<Row>[],
  order: TableOrder | null,
): readonly Row[] {
  const sortBy = order && columns.find((column) => column.key === order.column)?.sortBy;
  if (!sortBy) return rows;
  const direction = order.isDescending ? -1 : 1;
  return [...rows].sort((a, b) => compare(sortBy(a), sortBy(b), direction));
}

function compare(a: string | number, b: string | number, direction: number): number {
  if (typeof a === 'number' && typeof b === 'number') {
    if (Number.isNaN(a) || Number.isNaN(b))
      return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
    return (a - b) * direction;
  }
  return collator.compare(String(a), String(b)) * direction;
}
