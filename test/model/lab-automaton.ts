/**
 * The lab's part of a migration as a finite automaton, taken from the code itself: `MigrationRun` is
 * run again and again, each time with another sequence of answers, losses and cancellations, until
 * every sequence has been tried. Equal behaviour is merged, so the result is small; it cannot drift
 * from the code, because it is made of it.
 */
import { LabReplay, type LabAction, type LabInput } from './lab-replay';

/** What the lab does on an input. */
export interface LabMove {
  readonly actions: readonly LabAction[];
  /** Number of the node that it is in then. */
  readonly to: number;
}

/** A point at which the lab waits for something, or has ended. */
export interface LabNode {
  /** Outcome in the migration's record; empty before the end. */
  readonly outcome: string;
  /** An input that is not here has no effect. */
  readonly moves: ReadonlyMap<LabInput, LabMove>;
}

export interface LabAutomaton {
  readonly nodes: readonly LabNode[];
  readonly start: LabMove;
  /** Sequences that were tried. */
  readonly sequences: number;
}

/** Tries all sequences of inputs. */
export async function extractLabAutomaton(): Promise<LabAutomaton> {
  const nodes: LabNode[] = [];
  const known = new Map<string, number>();
  let sequences = 0;

  const numberOf = (node: LabNode): number => {
    const key = JSON.stringify([node.outcome, [...node.moves]]);
    const number = known.get(key) ?? nodes.push(node) - 1;
    known.set(key, number);
    return number;
  };

  /** Tries `inputs` and everything that may come after them; undefined when they are not possible. */
  const follow = async (inputs: readonly LabInput[]): Promise<LabMove | undefined> => {
    const replay = await LabReplay.of(inputs);
    if (replay.wasLastRefused) return undefined;
    sequences++;
    const moves = new Map<LabInput, LabMove>();
    for (const input of replay.inputs) {
      const move = await follow([...inputs, input]);
      if (move) moves.set(input, move);
    }
    const { outcome, actions } = replay;
    return { actions, to: numberOf({ outcome, moves }) };
  };

  const start = await follow([]);
  if (!start) throw new Error('the migration did not begin');
  return { nodes, start, sequences };
}
