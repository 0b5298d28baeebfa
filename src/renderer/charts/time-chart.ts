/**
 * Draws frames on one canvas with Chart.js: lines or stacked areas over a time axis, a cursor, bands behind the
 * lines and marks for drops. Animation is off; gaps stay gaps; the caller decides how often to draw.
 */
import {
  Chart,
  Filler,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  type ChartConfiguration,
  type ChartDataset,
  type Plugin,
} from 'chart.js';
import { formatClock, formatShort } from '../format/format';
import { dropsAt, type ChartFrame } from './chart-frame';
import { fillOf, readPixels, readToken } from './palette';

Chart.register(Filler, LinearScale, LineController, LineElement, PointElement);

export interface TimeChartOptions {
  readonly isStacked: boolean;
  /** Each value holds from the one before it up to its own time. */
  readonly isStepped?: boolean | undefined;
  /** Top of the value axis; grows with the data when left out. */
  readonly yMax?: number | undefined;
  /** Whether the time axis has labels. */
  readonly hasTimeLabels: boolean;
  /** Time that has a tick of its own, with the others at round distances; the epoch when left out. */
  readonly originMs?: number | undefined;
  readonly formatTime?: ((timeMs: number) => string) | undefined;
}

interface Point {
  x: number;
  y: number;
}
type LineDataset = ChartDataset<'line', Point[]>;

const TIME_STEPS_MS = [100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000];
/** Width of a time label with its distance to the next, in sizes of its type. */
const TICK_TYPE_SIZES = 7;
const MARK_SIZE = 4;

export class TimeChart {
  readonly #chart: Chart<'line', Point[]>;
  readonly #context: CanvasRenderingContext2D;
  readonly #options: TimeChartOptions;
  #frame: ChartFrame | undefined;
  #cursorMs: number | null = null;

  constructor(context: CanvasRenderingContext2D, options: TimeChartOptions) {
    this.#context = context;
    this.#options = options;
    this.#chart = new Chart<'line', Point[]>(context, this.#configuration());
  }

  show(frame: ChartFrame, cursorMs: number | null): void {
    this.#frame = frame;
    this.#cursorMs = cursorMs;
    const x = this.#chart.options.scales?.['x'];
    if (x) {
      x.min = frame.startMs;
      x.max = frame.endMs;
    }
    this.#chart.data.datasets = frame.series.map((_, index) => this.#dataset(frame, index));
    this.#chart.update('none');
  }

  /** Moves the cursor without new data. */
  point(cursorMs: number | null): void {
    if (cursorMs === this.#cursorMs) return;
    this.#cursorMs = cursorMs;
    this.#chart.draw();
  }

  /** Takes the colours and sizes of the theme again. */
  restyle(): void {
    this.#chart.options = this.#configuration().options ?? {};
    if (this.#frame) this.show(this.#frame, this.#cursorMs);
  }

  /** Time under a horizontal position of the canvas, or null outside the plot. */
  timeAt(offsetX: number): number | null {
    const { left, right } = this.#chart.chartArea;
    const time = this.#chart.scales['x']?.getValueForPixel(offsetX);
    return offsetX < left || offsetX > right || time === undefined ? null : time;
  }

  destroy(): void {
    this.#chart.destroy();
  }

  #dataset(frame: ChartFrame, index: number): LineDataset {
    const series = frame.series[index];
    if (!series) return { data: [] };
    const colour = readToken(series.paint.token);
    const data: Point[] = Array.from(series.values, (y, column) => ({
      x: frame.timesMs[column] ?? 0,
      y,
    }));
    const shared = {
      label: series.label,
      data,
      pointRadius: 0,
      tension: 0,
      spanGaps: false,
      normalized: true,
      stepped: this.#options.isStepped ? ('before' as const) : false,
    };
    if (!this.#options.isStacked) {
      return {
        ...shared,
        borderColor: colour,
        borderWidth: 1.5,
        borderDash: [...series.paint.dash],
      };
    }
    return {
      ...shared,
      borderWidth: 0,
      backgroundColor: fillOf(series.paint, this.#context),
      fill: index === 0 ? 'origin' : '-1',
    };
  }

  #configuration(): ChartConfiguration<'line', Point[]> {
    const { isStacked, yMax, hasTimeLabels } = this.#options;
    const axisColour = readToken('--chart-axis');
    const font = { size: readPixels('--text-xs'), family: readToken('--font') };
    return {
      type: 'line',
      data: { datasets: [] },
      plugins: [this.#overlay()],
      options: {
        animation: false,
        responsive: true,
        maintainAspectRatio: false,
        parsing: false,
        events: [],
        layout: { padding: { top: 4, right: 2 } },
        plugins: { legend: { display: false }, tooltip: { enabled: false } },
        scales: {
          x: {
            type: 'linear',
            grid: { color: readToken('--chart-grid'), drawTicks: false },
            border: { color: readToken('--line') },
            ticks: {
              display: hasTimeLabels,
              color: axisColour,
              font,
              maxRotation: 0,
              padding: 4,
              callback: (value) => (this.#options.formatTime ?? formatClock)(Number(value)),
            },
            afterBuildTicks: (axis) => {
              const most = Math.max(2, Math.floor(axis.width / (font.size * TICK_TYPE_SIZES)));
              const margin =
                ((axis.max - axis.min) * font.size * TICK_TYPE_SIZES) / (axis.width * 3);
              axis.ticks = timeTicks(axis.min, axis.max, most, this.#options.originMs)
                .filter((value) => value - axis.min > margin && axis.max - value > margin)
                .map((value) => ({ value }));
            },
          },
          y: {
            stacked: isStacked,
            min: 0,
            ...(yMax === undefined ? { suggestedMax: 10 } : { max: yMax }),
            grid: { color: readToken('--chart-grid'), drawTicks: false },
            border: { display: false },
            ticks: {
              color: axisColour,
              font,
              maxTicksLimit: 5,
              padding: 6,
              callback: (value) => formatShort(Number(value)),
            },
            afterFit: (axis) => {
              axis.width = font.size * 4;
            },
          },
        },
      },
    };
  }

  /** Bands below the lines, cursor and drop marks above them. */
  #overlay(): Plugin<'line'> {
    return {
      id: 'overlay',
      beforeDatasetsDraw: (chart) => {
        for (const band of this.#frame?.bands ?? [])
          this.#drawBand(chart, band.fromMs, band.toMs, band.token);
      },
      afterDatasetsDraw: (chart) => {
        this.#drawDrops(chart);
        this.#drawCursor(chart);
      },
    };
  }

  #drawBand(chart: Chart, fromMs: number, toMs: number, token: string): void {
    const x = chart.scales['x'];
    if (!x) return;
    const { left, right, top, bottom } = chart.chartArea;
    const from = Math.max(left, x.getPixelForValue(fromMs));
    const to = Math.min(right, x.getPixelForValue(toMs));
    if (to <= from) return;
    chart.ctx.fillStyle = readToken(token);
    chart.ctx.fillRect(from, top, Math.max(1, to - from), bottom - top);
  }

  #drawDrops(chart: Chart): void {
    const frame = this.#frame;
    const x = chart.scales['x'];
    if (!frame?.drops?.length || !x) return;
    const { bottom } = chart.chartArea;
    chart.ctx.fillStyle = readToken('--state-bad');
    for (let index = 0; index < frame.timesMs.length; index += 1) {
      if (dropsAt(frame, index).length === 0) continue;
      const at = x.getPixelForValue(frame.timesMs[index] ?? 0);
      chart.ctx.beginPath();
      chart.ctx.moveTo(at, bottom - MARK_SIZE * 2);
      chart.ctx.lineTo(at - MARK_SIZE, bottom);
      chart.ctx.lineTo(at + MARK_SIZE, bottom);
      chart.ctx.fill();
    }
  }

  #drawCursor(chart: Chart): void {
    const x = chart.scales['x'];
    if (this.#cursorMs === null || !x) return;
    const { left, right, top, bottom } = chart.chartArea;
    const at = x.getPixelForValue(this.#cursorMs);
    if (at < left || at > right) return;
    chart.ctx.fillStyle = readToken('--chart-cursor');
    chart.ctx.fillRect(Math.round(at), top, 1, bottom - top);
  }
}

/** Round times inside a window, few enough to be read. */
export function timeTicks(fromMs: number, toMs: number, most: number, originMs = 0): number[] {
  const span = toMs - fromMs;
  const step = TIME_STEPS_MS.find((candidate) => span / candidate <= most) ?? span;
  const ticks: number[] = [];
  if (!(span > 0)) return ticks;
  for (
    let time = originMs + Math.ceil((fromMs - originMs) / step) * step;
    time <= toMs;
    time += step
  )
    ticks.push(time);
  return ticks;
}
