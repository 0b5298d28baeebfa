/** The application's icon: one queue in four lanes, each filled to another height, on a dark rounded square. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { squarePng } from './png.mjs';

const SIZES = [16, 32, 48, 64, 128, 256, 512];
const CLEAR = [0, 0, 0, 0];
const GROUND = [24, 30, 38, 255];
const LANE = [46, 56, 68, 255];
const FILL = [76, 201, 240, 255];
const CORNER_RADIUS = 0.18;
const LANE_FILL = [0.85, 0.45, 0.65, 0.25];
const LANE_LEFT = 0.17;
const LANE_PITCH = 0.18;
const LANE_WIDTH = 0.12;
const LANE_TOP = 0.18;
const LANE_BOTTOM = 0.82;

/**
 * Whether a point of the unit square lies outside the rounded corners.
 * @param {number} x
 * @param {number} y
 */
function isOutside(x, y) {
  const dx = Math.max(CORNER_RADIUS - x, x - (1 - CORNER_RADIUS), 0);
  const dy = Math.max(CORNER_RADIUS - y, y - (1 - CORNER_RADIUS), 0);
  return Math.hypot(dx, dy) > CORNER_RADIUS;
}

/**
 * @param {number} x 0 to 1 from the left.
 * @param {number} y 0 to 1 from the top.
 */
function colourAt(x, y) {
  if (isOutside(x, y)) return CLEAR;
  const lane = Math.floor((x - LANE_LEFT) / LANE_PITCH);
  const fill = LANE_FILL[lane];
  const isInLane = (x - LANE_LEFT) % LANE_PITCH < LANE_WIDTH && y > LANE_TOP && y < LANE_BOTTOM;
  if (fill === undefined || !isInLane) return GROUND;
  return y > LANE_BOTTOM - fill * (LANE_BOTTOM - LANE_TOP) ? FILL : LANE;
}

/**
 * Writes the icon in all sizes that desktops ask for.
 * @param {string} folder
 */
export function writeIcons(folder) {
  mkdirSync(folder, { recursive: true });
  for (const size of SIZES) {
    const image = squarePng(size, (x, y) => colourAt((x + 0.5) / size, (y + 0.5) / size));
    writeFileSync(join(folder, `${String(size)}x${String(size)}.png`), image);
  }
}
