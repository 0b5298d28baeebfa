import { describe, expect, it } from 'vitest';
import { Condition } from '../../../src/engine/migration/condition';

describe('Condition', () => {
  it('waits until it holds', async () => {
    const condition = new Condition();
    let isFree = false;
    let isDone = false;
    const waiting = condition.until(() => isFree).then(() => (isDone = true));
    condition.changed();
    await Promise.resolve();
    expect(isDone).toBe(false);
    isFree = true;
    condition.changed();
    await waiting;
    expect(isDone).toBe(true);
  });

  it('does not wait for what holds already', async () => {
    await expect(new Condition().until(() => true)).resolves.toBeUndefined();
  });

  it('rejects the present wait and all later ones with the first interruption', async () => {
    const condition = new Condition();
    const waiting = condition.until(() => false);
    const reason = new Error('cancelled');
    condition.interrupt(reason);
    condition.interrupt(new Error('too late'));
    await expect(waiting).rejects.toBe(reason);
    await expect(condition.until(() => true)).rejects.toBe(reason);
    expect(() => condition.check()).toThrow(reason);
  });

  it('refuses a second party', () => {
    const condition = new Condition();
    void condition.until(() => false);
    expect(() => condition.until(() => false)).toThrow(/waits already/);
  });
});
