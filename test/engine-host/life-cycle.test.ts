import { describe, expect, it } from 'vitest';
import { LifeCycle } from '../../src/engine-host/life-cycle';

const refusedAs = (code: string): unknown =>
  expect.objectContaining({ refusal: expect.objectContaining({ code }) as unknown });

describe('LifeCycle', () => {
  it('refuses commands until it is open and after it is closed', async () => {
    const life = new LifeCycle('host');
    expect(() => life.requireOpen('addVm')).toThrow(/not open yet/);
    await life.open(() => Promise.resolve());
    expect(() => life.requireOpen('addVm')).not.toThrow();
    await life.close(() => Promise.resolve());
    expect(() => life.requireOpen('addVm')).toThrow(/closed/);
  });

  it('opens once', async () => {
    const life = new LifeCycle('host');
    await life.open(() => Promise.resolve());
    await expect(life.open(() => Promise.resolve())).rejects.toEqual(refusedAs('wrong-state'));
  });

  it('may be opened again after an open that failed', async () => {
    const life = new LifeCycle('host');
    await expect(life.open(() => Promise.reject(new Error('no memory')))).rejects.toThrow(
      'no memory',
    );
    await life.open(() => Promise.resolve());
    expect(life.isOpen).toBe(true);
  });

  it('closes once, however often it is asked to', async () => {
    const life = new LifeCycle('host');
    let closes = 0;
    const close = (): Promise<void> => {
      closes += 1;
      return Promise.resolve();
    };
    await Promise.all([life.close(close), life.close(close)]);
    expect(closes).toBe(1);
  });

  it('stays closed when it is closed while being opened', async () => {
    const life = new LifeCycle('host');
    await life.open(() => life.close(() => Promise.resolve()));
    expect(life.isOpen).toBe(false);
  });

  it('lets a page wait until it is open', async () => {
    const life = new LifeCycle('host');
    const waiting = life.untilOpen('watch', undefined);
    await life.open(() => Promise.resolve());
    await expect(waiting).resolves.toBeUndefined();
  });

  it('lets a waiting page go when the page or the host goes away', async () => {
    const life = new LifeCycle('host');
    const gone = new AbortController();
    const page = life.untilOpen('watch', gone.signal);
    gone.abort();
    await expect(page).resolves.toBeUndefined();

    const other = life.untilOpen('watch', undefined);
    await life.close(() => Promise.resolve());
    await expect(other).rejects.toEqual(refusedAs('wrong-state'));
  });
});
