/** The state machine of a receive queue as a drawing (`docs/vmq-reference.md` §3.2): where states stand, what leads where. */
import type { QueueState } from '../../contract/host';

export interface DiagramState {
  readonly state: QueueState;
  /** Centre of its box. */
  readonly x: number;
  readonly y: number;
}

export interface DiagramEdge {
  readonly from: QueueState;
  readonly to: QueueState;
  /** The event of the state table that leads over it. */
  readonly event: string;
  readonly path: string;
}

export const DIAGRAM = { width: 300, height: 142, boxWidth: 88, boxHeight: 22 } as const;

const COLUMNS = [45, 150, 255] as const;
const ROWS = [14, 71, 128] as const;

export const DIAGRAM_STATES: readonly DiagramState[] = [
  { state: 'Undefined', x: COLUMNS[0], y: ROWS[0] },
  { state: 'Allocated', x: COLUMNS[1], y: ROWS[0] },
  { state: 'Set', x: COLUMNS[2], y: ROWS[0] },
  { state: 'Paused', x: COLUMNS[1], y: ROWS[1] },
  { state: 'Running', x: COLUMNS[2], y: ROWS[1] },
  { state: 'StopDma', x: COLUMNS[1], y: ROWS[2] },
  { state: 'Freeing', x: COLUMNS[0], y: ROWS[2] },
];

/** Half of a box, with room for the point of the arrow on its far side. */
const W = DIAGRAM.boxWidth / 2;
const H = DIAGRAM.boxHeight / 2;
/** Distance between the two ways of a pair. */
const SIDE = 5;

function across(y: number, from: number, to: number): string {
  const step = Math.sign(to - from) * W;
  return `M ${from + step} ${y} H ${to - step}`;
}
function down(x: number, from: number, to: number): string {
  const step = Math.sign(to - from) * H;
  return `M ${x} ${from + step} V ${to - step}`;
}

const [LEFT, MIDDLE, RIGHT] = COLUMNS;
const [TOP, CENTRE, BOTTOM] = ROWS;

export const DIAGRAM_EDGES: readonly DiagramEdge[] = [
  {
    from: 'Undefined',
    to: 'Allocated',
    event: 'ALLOCATE_QUEUE',
    path: across(TOP, LEFT, MIDDLE),
  },
  {
    from: 'Allocated',
    to: 'Set',
    event: 'SET_FILTER',
    path: across(TOP - SIDE, MIDDLE, RIGHT),
  },
  {
    from: 'Set',
    to: 'Allocated',
    event: 'CLEAR_LAST_FILTER',
    path: across(TOP + SIDE, RIGHT, MIDDLE),
  },
  {
    from: 'Allocated',
    to: 'Paused',
    event: 'ALLOCATION_COMPLETE',
    path: down(MIDDLE, TOP, CENTRE),
  },
  {
    from: 'Set',
    to: 'Running',
    event: 'ALLOCATION_COMPLETE',
    path: down(RIGHT, TOP, CENTRE),
  },
  {
    from: 'Paused',
    to: 'Running',
    event: 'SET_FILTER',
    path: across(CENTRE - SIDE, MIDDLE, RIGHT),
  },
  {
    from: 'Running',
    to: 'Paused',
    event: 'CLEAR_LAST_FILTER',
    path: across(CENTRE + SIDE, RIGHT, MIDDLE),
  },
  {
    from: 'Allocated',
    to: 'StopDma',
    event: 'FREE_QUEUE',
    path: `M ${MIDDLE - W + 12} ${TOP + H} C ${MIDDLE - W - 18} ${CENTRE - 10}, ${MIDDLE - W - 18} ${CENTRE + 10}, ${MIDDLE - W + 12} ${BOTTOM - H}`,
  },
  {
    from: 'Paused',
    to: 'StopDma',
    event: 'FREE_QUEUE',
    path: down(MIDDLE, CENTRE, BOTTOM),
  },
  {
    from: 'StopDma',
    to: 'Freeing',
    event: 'DMA_STOPPED',
    path: across(BOTTOM, MIDDLE, LEFT),
  },
  {
    from: 'Freeing',
    to: 'Undefined',
    event: 'RESOURCES_FREED',
    path: down(LEFT, BOTTOM, TOP),
  },
];
