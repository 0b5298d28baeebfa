/**
 * The one monotonic clock of all engine threads, in nanoseconds as a double. `performance.now`
 * differs between threads by up to 0.1 ms, so each thread calibrates it once against
 * `process.hrtime`, which is the machine's CLOCK_MONOTONIC.
 */
export type Clock = () => number;

export function monotonicClock(): Clock {
  let offset = -Infinity;
  // The reading with the least delay between the two clocks is the best one.
  for (let i = 0; i < 8; i++) {
    const coarse = performance.now() * 1e6;
    offset = Math.max(offset, Number(process.hrtime.bigint()) - performance.now() * 1e6);
    if (performance.now() * 1e6 - coarse < 2000) break;
  }
  return () => performance.now() * 1e6 + offset;
}
