/**
 * Draws a result card as a picture to keep, in the colours of the theme. The page's elements cannot be drawn on a canvas,
 * so this draws the same model once more.
 */
import { readToken } from '../charts/palette';
import { formatMilliseconds } from '../format/format';
import { barScaleMs } from './bar-scale';
import type { CardBar, ResultCard } from './result-card';

const WIDTH = 1120;
const MARGIN = 36;
const SCALE = 2;
const SIZE = { title: 26, verdict: 19, text: 15, small: 13, figure: 26 } as const;
const LINE = 1.45;
const LABEL_WIDTH = 260;
const FIGURE_TEXT = 90;
const COLUMN = 130;

type Tone = 'text' | 'text-soft' | 'text-faint' | 'state-bad' | 'state-good' | 'state-busy';

/** A pen that remembers how far down it has come. */
class Sheet {
  y = MARGIN;
  readonly pen: CanvasRenderingContext2D;
  readonly #font = readToken('--font');

  constructor(pen: CanvasRenderingContext2D) {
    this.pen = pen;
    pen.textBaseline = 'alphabetic';
  }

  style(size: number, tone: Tone, weight = 400): void {
    this.pen.font = `${weight} ${size}px ${this.#font}`;
    this.pen.fillStyle = readToken(`--${tone}`);
  }

  at(text: string, x: number, align: CanvasTextAlign = 'left'): void {
    this.pen.textAlign = align;
    this.pen.fillText(text, x, this.y);
  }

  /** Writes a paragraph, breaking lines between words. */
  paragraph(text: string, size: number, tone: Tone, weight = 400): void {
    if (text === '') return;
    this.style(size, tone, weight);
    for (const line of wrapped(
      text,
      WIDTH - 2 * MARGIN,
      (part) => this.pen.measureText(part).width,
    )) {
      this.y += size * LINE;
      this.at(line, MARGIN);
    }
  }

  rule(): void {
    this.y += 14;
    this.pen.fillStyle = readToken('--line');
    this.pen.fillRect(MARGIN, this.y, WIDTH - 2 * MARGIN, 1);
    this.y += 8;
  }
}

/** Words in as few lines as fit; a word wider than a line stands alone. */
export function wrapped(text: string, width: number, measure: (part: string) => number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && measure(longer) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return line === '' ? lines : [...lines, line];
}

/** The picture as the address of a PNG; empty where the browser cannot draw. */
export function resultPicture(card: ResultCard): string {
  const canvas = document.createElement('canvas');
  const pen = canvas.getContext('2d');
  if (!pen) return '';
  const height = draw(new Sheet(pen), card);
  canvas.width = WIDTH * SCALE;
  canvas.height = height * SCALE;
  pen.scale(SCALE, SCALE);
  pen.fillStyle = readToken('--surface');
  pen.fillRect(0, 0, WIDTH, height);
  draw(new Sheet(pen), card);
  return canvas.toDataURL('image/png');
}

const TONES: Readonly<Record<string, Tone>> = {
  good: 'state-good',
  bad: 'state-bad',
  busy: 'state-busy',
};

/** Answers the height that it took. */
function draw(sheet: Sheet, card: ResultCard): number {
  sheet.y += SIZE.title;
  sheet.style(SIZE.title, 'text', 600);
  sheet.at(card.title, MARGIN);
  sheet.style(SIZE.text, TONES[card.state.tone] ?? 'text-soft', 600);
  sheet.at(`${card.state.shape} ${card.state.word}`, WIDTH - MARGIN, 'right');
  sheet.y += 4;
  sheet.paragraph(card.verdict, SIZE.verdict, 'text', 600);
  sheet.paragraph(card.reason, SIZE.text, card.state.tone === 'bad' ? 'state-bad' : 'text-soft');
  sheet.paragraph(card.measured, SIZE.text, 'text-soft');
  sheet.rule();
  drawBars(sheet, card);
  if (card.directions.length > 0) drawDirections(sheet, card);
  sheet.rule();
  drawFigures(sheet, card);
  for (const warning of card.warnings) sheet.paragraph(`! ${warning}`, SIZE.text, 'state-busy');
  sheet.rule();
  sheet.paragraph(card.footer, SIZE.small, 'text-faint');
  return Math.ceil(sheet.y + MARGIN);
}

function drawBars(sheet: Sheet, { bars, limitMs }: ResultCard): void {
  const left = MARGIN + LABEL_WIDTH;
  const span = WIDTH - MARGIN - FIGURE_TEXT - left;
  const scale = span / barScaleMs(bars, limitMs);
  const top = sheet.y + 8;
  for (const bar of bars) drawBar(sheet, bar, left, scale);
  const limitX = left + limitMs * scale;
  sheet.pen.fillStyle = readToken('--text-soft');
  sheet.pen.fillRect(limitX, top, 1, sheet.y - top + 10);
  sheet.y += 24;
  sheet.style(SIZE.small, 'text-soft');
  sheet.at(`limit ${formatMilliseconds(limitMs)}`, limitX, limitX > WIDTH / 2 ? 'right' : 'left');
}

function drawBar(sheet: Sheet, bar: CardBar, left: number, scale: number): void {
  sheet.y += 30;
  sheet.style(SIZE.text, 'text', 600);
  sheet.at(bar.label, MARGIN);
  sheet.style(SIZE.small, 'text-soft');
  sheet.at(bar.source, MARGIN + 82);
  const width = Number.isFinite(bar.milliseconds) ? Math.max(2, bar.milliseconds * scale) : 0;
  sheet.pen.fillStyle = readToken(bar.label === 'Silence' ? '--state-busy' : '--accent');
  sheet.pen.fillRect(left, sheet.y - 14, width, 18);
  sheet.style(SIZE.text, 'text', 600);
  sheet.at(formatMilliseconds(bar.milliseconds), left + width + 10);
}

function drawDirections(sheet: Sheet, { directions }: ResultCard): void {
  sheet.rule();
  const columns = directions.map((_, index) => MARGIN + LABEL_WIDTH + COLUMN * (index + 0.9));
  sheet.y += 20;
  sheet.style(SIZE.small, 'text-soft');
  directions.forEach(({ label }, index) => sheet.at(label, columns[index] ?? 0, 'right'));
  for (const [label, key] of [
    ['To the VM', 'toVm'],
    ['From the VM', 'fromVm'],
  ] as const) {
    sheet.y += 26;
    sheet.style(SIZE.text, 'text-soft');
    sheet.at(label, MARGIN);
    directions.forEach((direction, index) => {
      const isBad = direction.isBad && direction[key] !== '0';
      sheet.style(SIZE.text, isBad ? 'state-bad' : 'text', 600);
      sheet.at(direction[key], columns[index] ?? 0, 'right');
    });
  }
}

function drawFigures(sheet: Sheet, { figures }: ResultCard): void {
  const step = (WIDTH - 2 * MARGIN) / figures.length;
  sheet.y += 18;
  sheet.style(SIZE.small, 'text-soft');
  figures.forEach(({ label }, index) => sheet.at(label, MARGIN + step * index));
  sheet.y += 28;
  figures.forEach(({ value, unit, isBad }, index) => {
    const x = MARGIN + step * index;
    sheet.style(SIZE.figure * 0.8, isBad ? 'state-bad' : 'text', 600);
    sheet.at(value, x);
    const width = sheet.pen.measureText(`${value} `).width;
    sheet.style(SIZE.small, 'text-soft');
    sheet.at(unit, x + width);
  });
  sheet.y += 6;
}
