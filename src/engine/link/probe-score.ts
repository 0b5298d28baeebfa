/**
 * What the answers of a probe flow say about the path to a guest and back. Pure bookkeeping; probes
 * are numbered from 0 in the order of sending, answers by the guest in the order in which it took
 * the probes (`probe-life.ts`).
 *
 * | what                                | is seen by                                                 |
 * |-------------------------------------|------------------------------------------------------------|
 * | lost on the way back                | a number of an answer that never came, for a missing probe |
 * | lost on the way there               | every other missing probe                                  |
 * | twice on the way there              | two numbers for one probe; a missing number for no probe   |
 * | twice on the way back               | a number that came twice                                   |
 * | out of order on the way there, back | probes in the order of numbers; numbers as they came       |
 * | silence on the way there            | the guest's longest gap, and what lies between two lives   |
 *
 * Lost and received are counted in probes, the rest in frames: a probe that reached the guest twice
 * is lost only when neither answer came. So lost = lost there + lost back, always. An answer without
 * an account is that of a plain echo server: what it does not answer counts as lost on the way there.
 *
 * What a guest says is not trusted: an answer that cannot be true is ignored, and no figure can
 * become negative or grow beyond what was sent.
 */
import type { ProbeResult, ProbeSample } from '../../contract/migration';
import { NANOSECONDS_PER_MILLISECOND } from '../../shared/units';
import type { ProbeAccount } from '../wire/probe';
import { GuestLife, NumberList, type AnswerPlace } from './probe-life';

/** A guest that claims more answers than this for each probe that was sent says nonsense. */
const MOST_ANSWERS_PER_PROBE = 8;
/** A guest that starts afresh more often during one flow is not followed any further. */
const MOST_LIVES = 16;

export class ProbeScore {
  readonly #answered = new BitSet();
  /** Oldest first. */
  readonly #lives: GuestLife[] = [];
  #startNs = 0;
  #lastSentNs = 0;
  #lastArrivalNs = 0;
  #sent = 0;
  #received = 0;
  #duplicated = 0;
  #duplicatedThere = 0;
  #reordered = 0;
  #reorderedBack = 0;
  #highest = -1;
  #silenceNs = 0;

  /** Number of the next probe. */
  get nextSequence(): number {
    return this.#sent;
  }

  get isComplete(): boolean {
    return this.#received === this.#sent;
  }

  /** The next probe was sent. */
  sent(nowNs: number): void {
    if (this.#sent === 0) {
      this.#startNs = nowNs;
      this.#lastArrivalNs = nowNs;
    }
    this.#lastSentNs = nowNs;
    this.#sent += 1;
  }

  /** An answer has come. */
  answered(sequence: number, account: ProbeAccount, nowNs: number): void {
    if (sequence >= this.#sent) return;
    const place = this.#place(sequence, account);
    if (place === 'contradiction') return;
    this.#silenceNs = Math.max(this.#silenceNs, nowNs - this.#lastArrivalNs);
    this.#lastArrivalNs = nowNs;
    if (place === 'late') this.#reorderedBack += 1;
    if (this.#answered.has(sequence)) {
      this.#duplicated += 1;
      if (place !== 'again') this.#duplicatedThere += 1;
      return;
    }
    this.#answered.add(sequence);
    this.#received += 1;
    if (sequence < this.#highest) this.#reordered += 1;
    this.#highest = Math.max(this.#highest, sequence);
  }

  /** The guest has said what it counted, without an answer to a probe. */
  accounted(account: ProbeAccount): void {
    if (account.answers !== 0 && this.#isPlausible(account)) this.#lifeOf(account)?.learn(account);
  }

  /** What is known by now. */
  sample(nowNs: number): ProbeSample {
    return {
      atMs: this.#sent === 0 ? 0 : toMs(nowNs - this.#startNs),
      sent: this.#sent,
      received: this.#received,
      toVmReceived: this.#received + this.#lostBack(),
      silenceMs: toMs(this.#silence()),
    };
  }

  result(): ProbeResult {
    const lost = this.#sent - this.#received;
    const lostBack = this.#lostBack();
    const reached = this.#received + lostBack;
    const unexplained = this.#missing() - lostBack;
    const silenceMs = toMs(this.#silence());
    return {
      sent: this.#sent,
      received: this.#received,
      lost,
      duplicated: this.#duplicated,
      reordered: this.#reordered,
      silenceMs,
      toVm: {
        sent: this.#sent,
        received: reached,
        lost: lost - lostBack,
        duplicated: this.#duplicatedThere + unexplained,
        reordered: this.#reorderedThere(),
        silenceMs: toMs(this.#silenceThere()),
      },
      fromVm: {
        sent: reached,
        received: this.#received,
        lost: lostBack,
        duplicated: this.#duplicated - this.#duplicatedThere,
        reordered: this.#reorderedBack,
        silenceMs,
      },
    };
  }

  /** What an answer is to the others of its guest. */
  #place(sequence: number, account: ProbeAccount): AnswerPlace {
    if (account.answers === 0) return this.#placeWithoutAccount(sequence);
    if (!this.#isPlausible(account)) return 'contradiction';
    const life = this.#lifeOf(account);
    if (!life) return 'contradiction';
    const place = life.take(sequence, account);
    const isFormerLife = life !== this.#lives.at(-1);
    return place === 'next' && isFormerLife ? 'late' : place;
  }

  #placeWithoutAccount(sequence: number): AnswerPlace {
    if (this.#answered.has(sequence)) return 'again';
    return sequence < this.#highest ? 'late' : 'next';
  }

  #isPlausible({ answers, sinceNs, receivedNs, longestGapNs }: ProbeAccount): boolean {
    return (
      answers <= MOST_ANSWERS_PER_PROBE * this.#sent &&
      Number.isFinite(sinceNs) &&
      Number.isFinite(receivedNs) &&
      // Comparisons with NaN are false.
      receivedNs >= sinceNs &&
      longestGapNs >= 0 &&
      longestGapNs <= receivedNs - sinceNs
    );
  }

  #lifeOf({ sinceNs }: ProbeAccount): GuestLife | undefined {
    const newest = this.#lives.at(-1);
    if (newest?.sinceNs === sinceNs) return newest;
    const known = this.#lives.find((life) => life.sinceNs === sinceNs);
    if (known || this.#lives.length === MOST_LIVES) return known;
    const life = new GuestLife(sinceNs);
    this.#lives.push(life);
    this.#lives.sort((one, other) => one.sinceNs - other.sinceNs);
    return life;
  }

  /** Answers that were sent and did not come. */
  #missing(): number {
    let missing = 0;
    for (const life of this.#lives) missing += life.missing;
    return missing;
  }

  #lostBack(): number {
    return Math.min(this.#missing(), this.#sent - this.#received);
  }

  #reorderedThere(): number {
    const seen = new BitSet();
    let highest = -1;
    let reordered = 0;
    for (const life of this.#lives) {
      life.eachProbe((sequence) => {
        if (seen.has(sequence)) return;
        seen.add(sequence);
        if (sequence < highest) reordered += 1;
        highest = Math.max(highest, sequence);
      });
    }
    return reordered;
  }

  /** Longest time without an arrival while probes were sent. */
  #silence(): number {
    return Math.max(this.#silenceNs, this.#lastSentNs - this.#lastArrivalNs);
  }

  #silenceThere(): number {
    if (this.#lives.length === 0) return this.#silence();
    let silence = 0;
    let lastNs = this.#startNs;
    for (const life of this.#lives) {
      silence = Math.max(silence, life.sinceNs - lastNs, life.longestGapNs);
      lastNs = Math.max(lastNs, life.lastReceivedNs);
    }
    silence = Math.max(silence, this.#lastSentNs - lastNs);
    // However a guest's clock may go: no silence was longer than the flow.
    return Math.min(silence, Math.max(this.#lastSentNs, this.#lastArrivalNs) - this.#startNs);
  }
}

/** Numbers from 0 that were seen. */
class BitSet {
  readonly #words = new NumberList();

  has(number: number): boolean {
    return (this.#words.get(number >>> 5) & (1 << (number & 31))) !== 0;
  }

  add(number: number): void {
    const word = number >>> 5;
    this.#words.set(word, this.#words.get(word) | (1 << (number & 31)));
  }
}

function toMs(ns: number): number {
  return ns / NANOSECONDS_PER_MILLISECOND;
}
