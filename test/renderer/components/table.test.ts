import { describe, expect, it } from 'vitest';
import { sortedRows, type TableColumn } from '../../../src/renderer/components/table';

interface Row {
  readonly name: string;
  readonly rate: number;
}
const rows: readonly Row[] = [
  { name: 'vm-10', rate: Number.NaN },
  { name: 'vm-2', rate: 5 },
  { name: 'vm-1', rate: 70 },
];
const columns: readonly TableColumn<Row>[] = [
  { key: 'name', label: 'Name', sortBy: (row) => row.name },
  { key: 'rate', label: 'Rate', sortBy: (row) => row.rate },
];
const names = (sorted: readonly Row[]): string[] => sorted.map((row) => row.name);

describe('sortedRows', () => {
  it('orders names with numbers as people do', () => {
    expect(names(sortedRows(rows, columns, { column: 'name', isDescending: false }))).toEqual([
      'vm-1',
      'vm-2',
      'vm-10',
    ]);
  });

  it('puts unknown numbers last in both directions', () => {
    expect(names(sortedRows(rows, columns, { column: 'rate', isDescending: true }))).toEqual([
      'vm-1',
      'vm-2',
      'vm-10',
    ]);
    expect(names(sortedRows(rows, columns, { column: 'rate', isDescending: false }))).toEqual([
      'vm-2',
      'vm-1',
      'vm-10',
    ]);
  });

  it('keeps the given order without a sorted column', () => {
    expect(sortedRows(rows, columns, null)).toBe(rows);
  });
});
