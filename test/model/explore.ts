/**
 * Visits every state that a model can reach, breadth first, so that a violation comes with a
 * shortest trace. Besides the rules for each state it proves that the model comes to rest: its
 * regular steps (all but faults) have no cycle, and a state without regular steps must be settled.
 */

export interface Step<State> {
  readonly name: string;
  readonly to: State;
  /** It may happen, but nothing may rely on it: crashes, cuts, commands of people. */
  readonly isFault: boolean;
}

export interface Model<State> {
  readonly initial: State;
  /** Equal for equal states, different for different ones. */
  key(state: State): string;
  steps(state: State): readonly Step<State>[];
  /** The rule that this state breaks; undefined when it breaks none. */
  broken(state: State): string | undefined;
  /** What is wrong with this state when nothing goes on by itself any more. */
  unsettled(state: State): string | undefined;
}

export interface Violation<State> {
  readonly rule: string;
  /** Names of the steps that lead there from the initial state. */
  readonly trace: readonly string[];
  readonly state: State;
}

export interface Exploration<State> {
  readonly states: number;
  readonly transitions: number;
  /** Longest of the shortest traces. */
  readonly depth: number;
  readonly violation: Violation<State> | undefined;
}

interface Visited<State> {
  readonly state: State;
  readonly from: number;
  readonly by: string;
  readonly depth: number;
}

/** Explores a model whole, or up to its first violation. */
export function explore<State>(model: Model<State>): Exploration<State> {
  const { initial } = model;
  const visited: Visited<State>[] = [{ state: initial, from: -1, by: '', depth: 0 }];
  const numbers = new Map([[model.key(initial), 0]]);
  /** Where regular steps lead, by state number. */
  const regular: number[][] = [];
  let transitions = 0;
  const result = (rule?: string, at = 0): Exploration<State> => ({
    states: visited.length,
    transitions,
    depth: visited.at(-1)?.depth ?? 0,
    violation: rule === undefined ? undefined : violationOf(visited, at, rule),
  });
  for (let at = 0; at < visited.length; at++) {
    const here = visited[at];
    if (here === undefined) break;
    const rule = model.broken(here.state);
    if (rule !== undefined) return result(rule, at);
    const steps = model.steps(here.state);
    if (steps.every(({ isFault }) => isFault)) {
      const problem = model.unsettled(here.state);
      if (problem !== undefined) return result(problem, at);
    }
    const onwards: number[] = [];
    regular.push(onwards);
    for (const { name, to, isFault } of steps) {
      transitions++;
      const key = model.key(to);
      let number = numbers.get(key);
      if (number === undefined) {
        number = visited.length;
        numbers.set(key, number);
        visited.push({ state: to, from: at, by: name, depth: here.depth + 1 });
      }
      if (!isFault) onwards.push(number);
    }
  }
  const cycle = stateOnCycle(regular);
  return cycle === undefined ? result() : result('it goes round in a circle', cycle);
}

function violationOf<State>(
  visited: readonly Visited<State>[],
  at: number,
  rule: string,
): Violation<State> {
  const trace: string[] = [];
  let here = visited[at];
  if (here === undefined) throw new Error(`state ${at} was not visited`);
  const { state } = here;
  for (; here !== undefined && here.from >= 0; here = visited[here.from]) trace.unshift(here.by);
  return { rule, trace, state };
}

/** A state on a cycle, or behind one; undefined without. Takes away what nothing leads to (Kahn 1962). */
function stateOnCycle(successors: readonly (readonly number[])[]): number | undefined {
  const arriving = new Int32Array(successors.length);
  const count = (state: number, change: number): number => {
    const next = (arriving[state] ?? 0) + change;
    arriving[state] = next;
    return next;
  };
  for (const state of successors.flat()) count(state, 1);
  const free = [...successors.keys()].filter((state) => arriving[state] === 0);
  for (let state = free.pop(); state !== undefined; state = free.pop()) {
    for (const next of successors[state] ?? []) if (count(next, -1) === 0) free.push(next);
  }
  const left = arriving.findIndex((edges) => edges > 0);
  return left < 0 ? undefined : left;
}
