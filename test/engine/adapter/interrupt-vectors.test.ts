import { describe, expect, it } from 'vitest';
import { InterruptVectors } from '../../../src/engine/adapter/interrupt-vectors';

const take = (vectors: InterruptVectors, processor: number) => {
  const vector = vectors.take(processor);
  if (!vector) throw new Error('no vector is left');
  return vector;
};

describe('interrupt vectors that coalesce', () => {
  it('§6.6 rules 3 and 5: are one for each processor, shared by its queues', () => {
    const vectors = new InterruptVectors(2, true);
    expect([take(vectors, 4), take(vectors, 4), take(vectors, 6)]).toEqual([
      { entry: 0, domainId: 1 },
      { entry: 0, domainId: 1 },
      { entry: 1, domainId: 2 },
    ]);
    expect(vectors.take(8)).toBeUndefined();
    expect(vectors.take(6)).toEqual({ entry: 1, domainId: 2 });
  });

  it('are free when their last queue is', () => {
    const vectors = new InterruptVectors(1, true);
    const [first, second] = [take(vectors, 4), take(vectors, 4)];
    vectors.release(first);
    expect(vectors.take(6)).toBeUndefined();
    vectors.release(second);
    expect(vectors.take(6)).toEqual({ entry: 0, domainId: 1 });
  });
});

describe('interrupt vectors that do not coalesce', () => {
  it('are one for each queue and form no domain', () => {
    const vectors = new InterruptVectors(2, false);
    expect([take(vectors, 4), take(vectors, 4)]).toEqual([
      { entry: 0, domainId: 0 },
      { entry: 1, domainId: 0 },
    ]);
    expect(vectors.take(4)).toBeUndefined();
  });
});
