/**
 * What must not outlive the benchmark: child processes, network devices. Undone in the reverse order
 * when this process ends in whatever way it can still notice.
 */
type Undo = () => void;

const pending = new Set<Undo>();

/** Runs `undo` when this process ends. Returns how to do it now instead; the second call does nothing. */
export function onExit(undo: Undo): Undo {
  pending.add(undo);
  return () => {
    if (pending.delete(undo)) undo();
  };
}

/** Hooks the ends of this process. Call once. */
export function watchExit(): void {
  process.on('exit', () => {
    for (const undo of [...pending].reverse()) attempt(undo);
  });
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)
    process.on(signal, () => process.exit(code));
}

/** One that fails must not keep the others from being undone. */
function attempt(undo: Undo): void {
  try {
    undo();
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}
