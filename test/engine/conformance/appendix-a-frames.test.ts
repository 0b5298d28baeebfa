/**
 * Random requests of two bindings and random frames, through the real kernels, against a simple
 * oracle. After each step every invariant of Appendix A is checked; a failure shrinks to few steps.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { BufferMode } from '../../../src/contract/model';
import { announcedSeed, withEffort } from '../../support/seed';
import type { FrameOracle } from './frame-oracle';
import { LabBench } from './lab-bench';
import { labCommands } from './lab-commands';

const RUNS = 40;
const STEPS = 60;
/** A failure is made smaller for this long at most. */
const SHRINK_MS = 20_000;

/** At the end the bindings give back what they have and close; what is left the layer frees (A.15). */
async function giveBack(oracle: FrameOracle, bench: LabBench, halts: boolean): Promise<void> {
  const { lab, bindings } = bench;
  if (halts) await lab.drive(lab.ndis.halt());
  else {
    for (const [id, { owner, queueId }] of oracle.filters)
      await lab.drive((bindings[owner] ?? bindings[0]).clearFilter(queueId, id));
    for (const [id, { owner }] of oracle.queues)
      await lab.drive((bindings[owner] ?? bindings[0]).freeQueue(id));
    for (const binding of bindings) await lab.drive(binding.close());
  }
  oracle.frees += oracle.queues.size;
  oracle.filters.clear();
  oracle.queues.clear();
  bench.check(oracle);
  bench.checkMemory();
  expect(lab.ndis.snapshot().filters).toEqual([]);
}

describe('Appendix A over random requests and frames', () => {
  it.each<BufferMode>(['shared-memory', 'host-buffers'])(
    'A.1 to A.18: hold after each step, with %s',
    async (bufferMode) => {
      let steps = 0;
      const commands = fc.commands(labCommands(), { maxCommands: STEPS, size: 'max' });
      const property = fc.asyncProperty(commands, fc.boolean(), async (sequence, halts) => {
        const model = LabBench.oracle();
        const real = await LabBench.create(bufferMode);
        await fc.asyncModelRun(() => ({ model, real }), sequence);
        steps += real.checks;
        await giveBack(model, real, halts);
      });
      const seed = announcedSeed(`requests and frames, ${bufferMode}`);
      await fc.assert(property, {
        seed,
        numRuns: withEffort(RUNS),
        interruptAfterTimeLimit: withEffort(SHRINK_MS),
      });
      expect(steps).toBeGreaterThan(withEffort(RUNS) * 5);
    },
    120_000,
  );
});
