import { describe, expect, it } from 'vitest';
import {
  dropsAt,
  latestSum,
  pointCount,
  type ChartFrame,
} from '../../../src/renderer/charts/chart-frame';
import { tableOf } from '../../../src/renderer/charts/chart-table';
import { timeTicks } from '../../../src/renderer/charts/time-chart';

const paint = { token: '--queue-1', pattern: 0, dash: [] };
const frame: ChartFrame = {
  startMs: 0,
  endMs: 3000,
  timesMs: Float64Array.of(1000, 2000, 3000),
  series: [
    { key: 'a', label: 'queue 1', paint, values: Float64Array.of(1, Number.NaN, 3.456) },
    { key: 'b', label: 'queue 2', paint, values: Float64Array.of(10, Number.NaN, Number.NaN) },
  ],
};

describe('chart frames', () => {
  it('count the values that are drawn, without gaps', () => {
    expect(pointCount(frame)).toBe(3);
  });

  it('sum the newest column that has a value', () => {
    expect(latestSum(frame)).toBeCloseTo(3.456);
  });

  it('become a table, newest first, without empty rows', () => {
    expect(tableOf([{ name: '', frame }], String)).toEqual({
      headings: ['Time', 'queue 1', 'queue 2'],
      rows: [
        ['3000', '3.46', ''],
        ['1000', '1', '10'],
      ],
    });
  });

  it('name the reasons of what was dropped in a column, most frames first', () => {
    const drops = [
      { code: 'port-full', text: 'Full.', rates: Float64Array.of(0, 2, Number.NaN) },
      { code: 'wire-full', text: 'Slow.', rates: Float64Array.of(0, 9, Number.NaN) },
    ];
    const withDrops = { ...frame, drops };
    expect([0, 1, 2].map((column) => dropsAt(withDrops, column).map(({ code }) => code))).toEqual([
      [],
      ['wire-full', 'port-full'],
      [],
    ]);
    expect(tableOf([{ name: '', frame: withDrops }], String).headings).toEqual([
      'Time',
      'queue 1',
      'queue 2',
      'dropped, frames/s: port-full',
      'dropped, frames/s: wire-full',
    ]);
  });
});

describe('timeTicks', () => {
  it('picks round times, few enough to be read', () => {
    expect(timeTicks(500, 60_500, 6)).toEqual([10_000, 20_000, 30_000, 40_000, 50_000, 60_000]);
  });
});
