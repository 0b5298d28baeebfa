import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ProbeScore } from '../../../src/engine/link/probe-score';
import type { ProbeAccount } from '../../../src/engine/wire/probe';
import type { ProbeResult } from '../../../src/contract/migration';

const MS = 1_000_000;
const NO_ACCOUNT: ProbeAccount = { answers: 0, sinceNs: 0, receivedNs: 0, longestGapNs: 0 };

/** A guest that keeps an account, as the kernel's does. Times in ms. */
class Guest {
  #account: ProbeAccount = { ...NO_ACCOUNT };

  answer(atMs: number): ProbeAccount {
    const { answers, sinceNs, receivedNs, longestGapNs } = this.#account;
    const nowNs = atMs * MS;
    this.#account = {
      answers: answers + 1,
      sinceNs: answers === 0 ? nowNs : sinceNs,
      receivedNs: nowNs,
      longestGapNs: answers === 0 ? 0 : Math.max(longestGapNs, nowNs - receivedNs),
    };
    return this.account();
  }

  account(): ProbeAccount {
    return { ...this.#account };
  }

  restart(): void {
    this.#account = { ...NO_ACCOUNT };
  }
}

/** A flow of probes 1 ms apart: what reaches the guest, and which of its answers come back, by number. */
function measured(
  sent: number,
  reaching: readonly number[],
  back: (answers: number[]) => number[] = (answers) => answers,
): ProbeResult {
  const score = new ProbeScore();
  const guest = new Guest();
  const answers = reaching.map((sequence, i) => ({ sequence, account: guest.answer(i) }));
  for (let i = 0; i < sent; i++) score.sent(i * MS);
  for (const [i, number] of back([...answers.keys()]).entries()) {
    const answer = answers[number];
    if (answer) score.answered(answer.sequence, answer.account, i * MS);
  }
  score.accounted(guest.account());
  return score.result();
}

function upTo(count: number, without: readonly number[] = []): number[] {
  return Array.from({ length: count }, (_, i) => i).filter((i) => !without.includes(i));
}

const NOTHING = { lost: 0, duplicated: 0, reordered: 0 };

describe('ProbeScore', () => {
  it('finds nothing wrong with answers in order', () => {
    expect(measured(10, upTo(10))).toEqual({
      ...{ sent: 10, received: 10, ...NOTHING, silenceMs: 1 },
      toVm: { sent: 10, received: 10, ...NOTHING, silenceMs: 1 },
      fromVm: { sent: 10, received: 10, ...NOTHING, silenceMs: 1 },
    });
  });

  it('counts a probe that never reached the guest as lost on the way there', () => {
    expect(measured(10, upTo(10, [0, 4, 5, 9]))).toMatchObject({
      ...{ received: 6, lost: 4, duplicated: 0, reordered: 0 },
      toVm: { sent: 10, received: 6, ...NOTHING, lost: 4 },
      fromVm: { sent: 6, received: 6, ...NOTHING },
    });
  });

  it('counts an answer that never came as lost on the way back, the last one too', () => {
    const back = (answers: number[]) => answers.filter((number) => ![0, 4, 5, 9].includes(number));
    expect(measured(10, upTo(10), back)).toMatchObject({
      ...{ received: 6, lost: 4, duplicated: 0, reordered: 0 },
      toVm: { sent: 10, received: 10, ...NOTHING },
      fromVm: { sent: 10, received: 6, ...NOTHING, lost: 4 },
    });
  });

  it('counts what no answer tells of as lost on the way there', () => {
    const score = new ProbeScore();
    for (let i = 0; i < 5; i++) score.sent(i * MS);
    expect(score.result()).toMatchObject({
      ...{ lost: 5, silenceMs: 4 },
      toVm: { received: 0, lost: 5, silenceMs: 4 },
      fromVm: { sent: 0, received: 0, lost: 0 },
    });
  });

  it('tells a probe that reached the guest twice from an answer that came twice', () => {
    expect(measured(4, [0, 1, 1, 2, 1, 3])).toMatchObject({
      ...{ received: 4, lost: 0, duplicated: 2 },
      toVm: { ...NOTHING, duplicated: 2 },
      fromVm: NOTHING,
    });
    expect(measured(4, upTo(4), () => [0, 1, 1, 2, 0, 3])).toMatchObject({
      ...{ received: 4, lost: 0, duplicated: 2 },
      toVm: NOTHING,
      fromVm: { ...NOTHING, duplicated: 2 },
    });
  });

  it('counts a probe whose one answer of two was lost as doubled and not as lost', () => {
    expect(measured(4, [0, 1, 1, 2, 3], () => [0, 1, 3, 4])).toMatchObject({
      lost: 0,
      toVm: { ...NOTHING, duplicated: 1 },
      fromVm: NOTHING,
    });
  });

  it('tells a probe that was overtaken from an answer that was overtaken', () => {
    expect(measured(5, [1, 2, 0, 4, 3])).toMatchObject({
      reordered: 2,
      toVm: { ...NOTHING, reordered: 2 },
      fromVm: NOTHING,
    });
    expect(measured(5, upTo(5), () => [1, 2, 0, 4, 3])).toMatchObject({
      reordered: 2,
      toVm: NOTHING,
      fromVm: { ...NOTHING, reordered: 2 },
    });
  });

  it('measures silence where it was: at the guest, or where the answers come', () => {
    const score = new ProbeScore();
    const guest = new Guest();
    for (let i = 0; i < 20; i++) {
      score.sent(i * MS);
      // 5 to 9 are lost on the way there, 12 to 18 on the way back.
      if (i >= 5 && i < 10) continue;
      const account = guest.answer(i);
      if (i < 12 || i === 19) score.answered(i, account, i * MS);
    }
    expect(score.result()).toMatchObject({
      ...{ lost: 12, silenceMs: 8 },
      toVm: { lost: 5, silenceMs: 6 },
      fromVm: { lost: 7, silenceMs: 8 },
    });
  });

  it('counts the time in which nothing comes any more as silence, up to the last probe', () => {
    const score = new ProbeScore();
    const guest = new Guest();
    for (let i = 0; i < 100; i++) {
      score.sent(i * MS);
      if (i < 10) score.answered(i, guest.answer(i), i * MS);
    }
    expect(score.sample(500 * MS).silenceMs).toBe(90);
    expect(score.result()).toMatchObject({ silenceMs: 90, toVm: { silenceMs: 90 } });
  });

  it('goes on when the guest has started afresh, which loses probes on the way there', () => {
    const score = new ProbeScore();
    const guest = new Guest();
    for (let i = 0; i < 40; i++) {
      score.sent(i * MS);
      if (i === 15) guest.restart();
      if (i >= 10 && i < 20) continue;
      const account = guest.answer(i);
      if (i !== 5 && i !== 25) score.answered(i, account, i * MS);
    }
    expect(score.result()).toMatchObject({
      ...{ received: 28, lost: 12, reordered: 0 },
      toVm: { received: 30, lost: 10, duplicated: 0, reordered: 0, silenceMs: 11 },
      fromVm: { sent: 30, received: 28, lost: 2, duplicated: 0, reordered: 0 },
    });
  });

  it('counts a late answer of a former life as overtaken', () => {
    const score = new ProbeScore();
    const guest = new Guest();
    for (let i = 0; i < 3; i++) score.sent(i * MS);
    score.answered(0, guest.answer(0), 0);
    const late = guest.answer(1);
    guest.restart();
    score.answered(2, guest.answer(2), 2 * MS);
    score.answered(1, late, 3 * MS);
    expect(score.result()).toMatchObject({
      ...{ lost: 0, reordered: 1 },
      toVm: NOTHING,
      fromVm: { ...NOTHING, reordered: 1 },
    });
  });

  it('scores a plain echo server, with all loss on the way there', () => {
    const score = new ProbeScore();
    for (let i = 0; i < 5; i++) score.sent(i * MS);
    for (const [i, sequence] of [0, 2, 1, 1, 3].entries())
      score.answered(sequence, NO_ACCOUNT, i * MS);
    expect(score.result()).toMatchObject({
      ...{ received: 4, lost: 1, duplicated: 1, reordered: 1 },
      toVm: { sent: 5, received: 4, lost: 1, duplicated: 0, reordered: 0 },
      fromVm: { sent: 4, received: 4, lost: 0, duplicated: 1, reordered: 1 },
    });
  });

  it('says at any time what it knows by then', () => {
    const score = new ProbeScore();
    const guest = new Guest();
    expect(score.sample(0)).toEqual({
      ...{ atMs: 0, sent: 0, received: 0, toVmReceived: 0, silenceMs: 0 },
    });
    for (let i = 0; i < 4; i++) score.sent((7 + i) * MS);
    const accounts = [guest.answer(8), guest.answer(9), guest.answer(10)] as const;
    score.answered(2, accounts[2], 12 * MS);
    expect(score.sample(13 * MS)).toEqual({
      ...{ atMs: 6, sent: 4, received: 1, toVmReceived: 3, silenceMs: 5 },
    });
  });

  it('keeps count over many probes', () => {
    const result = measured(50_000, upTo(50_000));
    expect(result).toMatchObject({ received: 50_000, ...NOTHING, silenceMs: 1 });
  });

  it('reports losses, doubles and disorder of both ways exactly, whatever their pattern', () => {
    const fate = fc.record({
      there: fc.constantFrom('ok', 'ok', 'ok', 'lost', 'late'),
      back: fc.constantFrom('ok', 'ok', 'ok', 'lost', 'late', 'twice'),
    });
    fc.assert(
      fc.property(fc.array(fate, { minLength: 1, maxLength: 200 }), (fates) => {
        const reaching = overtaken(
          upTo(fates.length).filter((i) => fates[i]?.there !== 'lost'),
          (i) => fates[i]?.there === 'late',
        );
        const result = measured(fates.length, reaching, (answers) => {
          const coming = answers.filter((number) => fates[number]?.back !== 'lost');
          const ordered = overtaken(coming, (number) => fates[number]?.back === 'late');
          return ordered.flatMap((number) =>
            fates[number]?.back === 'twice' ? [number, number] : [number],
          );
        });
        const answered = fates.slice(0, reaching.length);
        const coming = upTo(answered.length).filter((i) => answered[i]?.back !== 'lost');
        expect(result.toVm).toMatchObject({
          lost: fates.filter(({ there }) => there === 'lost').length,
          duplicated: 0,
        });
        expect(result.fromVm).toMatchObject({
          lost: answered.length - coming.length,
          duplicated: answered.filter(({ back }) => back === 'twice').length,
          reordered: descents(overtaken(coming, (i) => answered[i]?.back === 'late')),
        });
        // An overtaken probe is seen unless its own answer, or all that overtook it, was lost.
        const seen = reaching.filter((_, number) => answered[number]?.back !== 'lost');
        expect(result.toVm.reordered).toBe(descents(seen));
        expect(result.lost).toBe(result.toVm.lost + result.fromVm.lost);
      }),
    );
  });

  it('reports probes that were doubled and probes that were lost on the way there exactly', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { minLength: 1, maxLength: 200 }), (copies) => {
        const reaching = copies.flatMap((count, i) => Array.from({ length: count }, () => i));
        expect(measured(copies.length, reaching)).toMatchObject({
          toVm: {
            lost: copies.filter((count) => count === 0).length,
            duplicated: copies.reduce((sum, count) => sum + Math.max(0, count - 1), 0),
            reordered: 0,
          },
          fromVm: NOTHING,
        });
      }),
    );
  });

  it('ignores answers that cannot be true', () => {
    const score = new ProbeScore();
    const guest = new Guest();
    for (let i = 0; i < 2; i++) score.sent(i * MS);
    const first = guest.answer(0);
    score.answered(0, first, MS);
    const before = score.result();
    const account = guest.answer(1);
    score.answered(2, account, 9 * MS);
    score.answered(0xffffffff, account, 9 * MS);
    // This number was the answer to probe 0.
    score.answered(1, first, 9 * MS);
    const lies: Partial<ProbeAccount>[] = [
      ...[{ answers: 0xffffffff }, { answers: 17 }, { sinceNs: NaN }, { sinceNs: Infinity }],
      ...[{ receivedNs: -1 }, { receivedNs: NaN }, { receivedNs: Infinity }],
      ...[{ longestGapNs: NaN }, { longestGapNs: -1 }, { longestGapNs: 2 * MS }],
    ];
    for (const lie of lies) {
      score.answered(1, { ...account, ...lie }, 9 * MS);
      score.accounted({ ...account, ...lie });
      expect([lie, score.result()]).toEqual([lie, before]);
    }
    score.answered(1, account, 9 * MS);
    expect(score.result().received).toBe(2);
  });

  it('stays within bounds whatever a guest says', () => {
    const time = fc.oneof(fc.double(), fc.constantFrom(0, 1, 2, MS, -1, NaN, Infinity));
    const answer = fc.record({
      sequence: fc.oneof(fc.nat(40), fc.constant(0xffffffff)),
      account: fc.record({
        answers: fc.oneof(fc.nat(200), fc.nat(0xffffffff)),
        sinceNs: time,
        receivedNs: time,
        longestGapNs: time,
      }),
    });
    fc.assert(
      fc.property(fc.array(answer), (answers) => {
        const score = new ProbeScore();
        for (let i = 0; i < 30; i++) score.sent(i * MS);
        for (const [i, { sequence, account }] of answers.entries()) {
          score.answered(sequence, account, (30 + i) * MS);
          score.accounted(account);
        }
        const { toVm, fromVm, ...both } = score.result();
        expect(both.lost).toBe(toVm.lost + fromVm.lost);
        for (const count of [both, toVm, fromVm]) {
          expect(count.received + count.lost).toBe(count.sent);
          expect(Math.min(...Object.values(count))).toBeGreaterThanOrEqual(0);
          expect(count.silenceMs).toBeLessThanOrEqual(30 + answers.length);
        }
      }),
    );
  });
});

/** Moves each item that is late behind the next one that is not. */
function overtaken(items: readonly number[], isLate: (item: number) => boolean): number[] {
  const moved: number[] = [];
  let waiting: number[] = [];
  for (const item of items) {
    if (isLate(item)) {
      waiting.push(item);
      continue;
    }
    moved.push(item, ...waiting);
    waiting = [];
  }
  return [...moved, ...waiting];
}

/** How many numbers stand behind a greater one. */
function descents(numbers: readonly number[]): number {
  let highest = -1;
  let found = 0;
  for (const number of numbers) {
    if (number < highest) found += 1;
    highest = Math.max(highest, number);
  }
  return found;
}
