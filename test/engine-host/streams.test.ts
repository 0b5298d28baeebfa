import { describe, expect, it } from 'vitest';
import { EventFeed, watchSnapshots } from '../../src/engine-host/streams';
import { FakeHost } from './support/fake-engines';

describe('watchSnapshots', () => {
  it('gives the whole state at once and one snapshot for many changes', async () => {
    const host = new FakeHost();
    const stream = watchSnapshots(host, undefined, 20);
    expect((await stream.next()).value).toMatchObject({ revision: 0 });
    for (let change = 0; change < 100; change += 1) await host.changed();
    const next = stream.next();
    for (let change = 0; change < 100; change += 1) await host.changed();
    expect((await next).value).toMatchObject({ revision: 200 });
  });

  it('keeps the interval between two snapshots', async () => {
    const host = new FakeHost();
    const stream = watchSnapshots(host, undefined, 40);
    await stream.next();
    await host.changed();
    const startMs = performance.now();
    await stream.next();
    expect(performance.now() - startMs).toBeGreaterThan(30);
  });

  it('ends and lets the engine go when the listener goes away', async () => {
    const host = new FakeHost();
    const gone = new AbortController();
    const stream = watchSnapshots(host, gone.signal, 10);
    await stream.next();
    expect(host.changes.count).toBe(1);
    const next = stream.next();
    gone.abort();
    expect((await next).done).toBe(true);
    expect(host.changes.count).toBe(0);
  });
});

describe('EventFeed', () => {
  const host = new FakeHost();
  const feed = new EventFeed();
  host.onEvent((event) => feed.push(event));

  it('keeps early events for the first listener and follows with later ones, in order', async () => {
    host.emit('first');
    host.emit('second');
    const stream = feed.stream(undefined);
    expect((await stream.next()).value).toMatchObject({ text: 'first' });
    expect((await stream.next()).value).toMatchObject({ text: 'second' });
    const next = stream.next();
    host.emit('third');
    expect((await next).value).toMatchObject({ text: 'third' });
  });

  it('ends when the listener goes away', async () => {
    const gone = new AbortController();
    const next = feed.stream(gone.signal).next();
    gone.abort();
    expect((await next).done).toBe(true);
  });
});
