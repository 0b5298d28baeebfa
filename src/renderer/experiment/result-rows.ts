/** The table of an experiment: one row for each figure, one cell for each mode. */
import {
  experimentReportSchema,
  type ExperimentArm,
  type ExperimentFigure,
  type ExperimentReport,
} from '../../contract/experiment';
import { formatCount, UNKNOWN } from '../format/format';

export interface ResultCell {
  readonly value: string;
  /** Least and greatest of the rounds; empty where there is only one value. */
  readonly spread: string;
}

export interface ResultRow {
  readonly label: string;
  /** Unit, or what the figure is; small below the label. */
  readonly note: string;
  readonly test: string;
  readonly cells: readonly ResultCell[];
}

type FigureName =
  | 'framesPerSecond'
  | 'cpuMsPerMillionFrames'
  | 'copiesPerFrame'
  | 'latencyP50Us'
  | 'latencyP99Us'
  | 'adapterCpuMsPerMillionFrames';

const FIGURES: readonly (Omit<ResultRow, 'cells'> & { readonly name: FigureName })[] = [
  {
    name: 'framesPerSecond',
    label: 'Frames delivered',
    note: 'per second',
    test: 'rate',
  },
  {
    name: 'cpuMsPerMillionFrames',
    label: 'Processor time of the host',
    note: 'ms per million frames',
    test: 'cpu',
  },
  {
    name: 'copiesPerFrame',
    label: 'Copies by the host',
    note: 'per frame, counted',
    test: 'copies',
  },
  { name: 'latencyP50Us', label: 'Latency, half', note: 'µs or less', test: 'latency-p50' },
  { name: 'latencyP99Us', label: 'Latency, 99 %', note: 'µs or less', test: 'latency-p99' },
  {
    name: 'adapterCpuMsPerMillionFrames',
    label: 'Adapter, for comparison',
    note: 'ms per million frames; it stands for hardware',
    test: 'adapter-cpu',
  },
];

export function resultRows(arms: readonly ExperimentArm[]): ResultRow[] {
  return [
    ...FIGURES.map(({ name, ...row }) => ({
      ...row,
      cells: arms.map((arm) => figureCell(arm[name])),
    })),
    {
      label: 'Frames lost',
      note: 'in all rounds',
      test: 'lost',
      cells: arms.map(({ lostFrames }) => ({ value: formatCount(lostFrames), spread: '' })),
    },
    {
      label: 'VM queues in use',
      note: 'at least',
      test: 'queues',
      cells: arms.map(({ queuesUsed }) => ({ value: formatCount(queuesUsed), spread: '' })),
    },
  ];
}

function figureCell(figure: ExperimentFigure | null): ResultCell {
  if (figure === null) return { value: UNKNOWN, spread: '' };
  const { median, min, max } = figure;
  return {
    value: figureText(median),
    spread: min === max ? '' : `${figureText(min)} to ${figureText(max)}`,
  };
}

const digits = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
function figureText(value: number): string {
  return Number.isFinite(value) ? digits.format(value) : UNKNOWN;
}

/** A report as a file to keep: every figure of every round. */
export function experimentToJson(report: ExperimentReport): string {
  const experiment = experimentReportSchema.parse(report);
  return `${JSON.stringify({ schema: 1, experiment }, undefined, 2)}\n`;
}
