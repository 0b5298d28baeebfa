/** Probes of a fabric that moves no frames. */
import type { ProbeResult, ProbeSample } from '../../../src/contract/migration';
import { refusal } from '../../../src/lab/refusals';

const COUNT = { sent: 100, received: 98, lost: 2, duplicated: 0, reordered: 0, silenceMs: 4 };
export const FAKE_PROBE_RESULT: ProbeResult = {
  ...COUNT,
  toVm: { ...COUNT, received: 99, lost: 1 },
  fromVm: { ...COUNT, received: 99, lost: 1 },
};

export class FakeProbes {
  readonly #running = new Map<string, { readonly stopped: Promise<void>; stop: () => void }>();
  /** Rates that were asked for. */
  readonly rates: number[] = [];
  /** Frames that were to be lost, by direction. */
  readonly losses: { direction: string; frames: number }[] = [];

  get count(): number {
    return this.#running.size;
  }

  start(probeId: string, perSecond: number): void {
    let stop = (): void => undefined;
    const stopped = new Promise<void>((resolve) => {
      stop = resolve;
    });
    this.#running.set(probeId, { stopped, stop });
    this.rates.push(perSecond);
  }

  stop(probeId: string): ProbeResult {
    this.#require(probeId).stop();
    this.#running.delete(probeId);
    return FAKE_PROBE_RESULT;
  }

  async *watch(probeId: string, end: AbortSignal): AsyncGenerator<ProbeSample> {
    const { stopped } = this.#require(probeId);
    yield { atMs: 1, sent: 1, received: 0, toVmReceived: 0, silenceMs: 0 };
    await Promise.race([
      stopped,
      new Promise<void>((resolve) => {
        end.addEventListener('abort', () => resolve(), { once: true });
      }),
    ]);
    yield { atMs: 200, sent: 100, received: 98, toVmReceived: 99, silenceMs: 4 };
  }

  lose(probeId: string, direction: string, frames: number): void {
    this.#require(probeId);
    this.losses.push({ direction, frames });
  }

  #require(probeId: string): { readonly stopped: Promise<void>; stop: () => void } {
    const probe = this.#running.get(probeId);
    if (probe !== undefined) return probe;
    throw refusal({ code: 'not-found', what: `There is no "${probeId}".`, why: '', remedy: '' });
  }
}
