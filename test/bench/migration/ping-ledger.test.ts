import { describe, expect, it } from 'vitest';

import { PingLedger } from './ping-ledger';

/** Ten requests, 2 ms apart. */
function ledger(): PingLedger {
  const made = new PingLedger();
  for (let number = 0; number < 10; number++) made.sent(number, number * 2);
  return made;
}

describe('a ledger of pings', () => {
  it('counts what was not answered as lost', () => {
    const pings = ledger();
    for (const number of [0, 1, 2, 6, 7, 8, 9]) pings.answered(number, number * 2 + 1);
    expect(pings.score(1000)).toEqual({
      sent: 10,
      answered: 7,
      lost: 3,
      duplicated: 0,
      reordered: 0,
      silenceMs: 8,
    });
  });

  it('counts a second answer as a duplicate, and an earlier number after a later one as reordered', () => {
    const pings = ledger();
    for (const number of [0, 2, 1, 2]) pings.answered(number, 30);
    expect(pings.score(1000)).toMatchObject({ answered: 3, duplicated: 1, reordered: 1 });
  });

  it('leaves out requests that may still be answered', () => {
    const pings = ledger();
    pings.answered(0, 1);
    expect(pings.score(20)).toMatchObject({ sent: 1, answered: 1, lost: 0 });
  });

  it('ignores answers to what it did not send', () => {
    const pings = ledger();
    pings.answered(99, 5);
    expect(pings.score(1000)).toMatchObject({ answered: 0, lost: 10, silenceMs: 0 });
  });
});
