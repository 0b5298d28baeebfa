/** Colours and patterns of charts, read from the tokens, so that canvas and page always agree. */
import type { Hue } from '../stores/hues';
import type { CpuPart } from '../telemetry/cpu-shares';

/** How a series looks: a solid colour, with a pattern over it where the hue alone does not tell. */
export interface Paint {
  readonly token: string;
  /** 0 is plain, 1 diagonal, 2 dots, 3 verticals. */
  readonly pattern: number;
  /** Line style where colours repeat: empty is solid. */
  readonly dash: readonly number[];
}

const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 3], [8, 3, 2, 3]];
const PATTERNS = 3;
const TILE = 6;

const PART_PAINTS: Readonly<Record<CpuPart, Paint>> = {
  adapter: { token: '--adapter', pattern: 1, dash: [] },
  polling: { token: '--polling', pattern: 3, dash: [] },
  'host-threads': { token: '--host-threads', pattern: 0, dash: [] },
  'other-hosts': { token: '--other-hosts', pattern: 0, dash: [] },
  'machine-rest': { token: '--machine-rest', pattern: 0, dash: [] },
};

export function paintOfHue(hue: Hue): Paint {
  const pattern = hue.pattern === 0 ? 0 : ((hue.pattern - 1) % PATTERNS) + 1;
  return { token: hue.token, pattern, dash: DASHES[pattern] ?? [] };
}

export function paintOfPart(part: CpuPart): Paint {
  return PART_PAINTS[part];
}

export function readToken(token: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(token).trim();
}

export function readPixels(token: string): number {
  return Number.parseFloat(readToken(token)) || 0;
}

/** The fill of an area: the colour, or a tile with the pattern in it. */
export function fillOf(paint: Paint, context: CanvasRenderingContext2D): string | CanvasPattern {
  const colour = readToken(paint.token);
  if (paint.pattern === 0) return colour;
  const tile = document.createElement('canvas');
  tile.width = TILE;
  tile.height = TILE;
  const pen = tile.getContext('2d');
  if (!pen) return colour;
  pen.fillStyle = colour;
  pen.fillRect(0, 0, TILE, TILE);
  pen.strokeStyle = readToken('--hatch');
  pen.fillStyle = readToken('--hatch');
  pen.lineWidth = 1.5;
  drawPattern(pen, paint.pattern);
  return context.createPattern(tile, 'repeat') ?? colour;
}

function drawPattern(pen: CanvasRenderingContext2D, pattern: number): void {
  if (pattern === 2) {
    pen.fillRect(1, 1, 2, 2);
    pen.fillRect(4, 4, 2, 2);
    return;
  }
  pen.beginPath();
  if (pattern === 1) {
    for (const shift of [-TILE, 0, TILE]) {
      pen.moveTo(shift - 1, TILE + 1);
      pen.lineTo(shift + TILE + 1, -1);
    }
  } else {
    pen.moveTo(1, 0);
    pen.lineTo(1, TILE);
    pen.moveTo(4, 0);
    pen.lineTo(4, TILE);
  }
  pen.stroke();
}
