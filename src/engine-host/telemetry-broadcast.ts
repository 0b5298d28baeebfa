/**
 * Sends telemetry to the pages that listen: one sample per tick, the same for all, latest wins. A
 * page whose connection still holds the previous array skips the tick, so nothing queues up behind a
 * slow reader. Without listeners nothing is sampled and no timer runs.
 *
 * Runs on the process's main thread.
 */
import { TELEMETRY_INTERVAL_MS } from '../contract/telemetry';
import type { Unsubscribe } from './engine-api';

/** One page's end of a telemetry connection. */
export interface TelemetrySink {
  /** The previous array has not left yet. */
  readonly isBusy: boolean;
  /** Sends an array that stays as it is. */
  send(sample: Float64Array): void;
}

export class TelemetryBroadcast {
  readonly #sample: () => Float64Array;
  readonly #onFault: (error: unknown) => void;
  readonly #intervalMs: number;
  readonly #sinks = new Set<TelemetrySink>();
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param sample Takes one sample; it may answer with the same array each time.
   * @param onFault Told when a sample cannot be taken; telemetry has stopped then, and nothing else.
   */
  constructor(
    sample: () => Float64Array,
    onFault: (error: unknown) => void,
    intervalMs: number = TELEMETRY_INTERVAL_MS,
  ) {
    this.#sample = sample;
    this.#onFault = onFault;
    this.#intervalMs = intervalMs;
  }

  add(sink: TelemetrySink): Unsubscribe {
    this.#sinks.add(sink);
    this.#timer ??= setInterval(() => this.#tick(), this.#intervalMs);
    return () => this.#remove(sink);
  }

  /** Forgets all listeners. */
  stop(): void {
    for (const sink of this.#sinks) this.#remove(sink);
  }

  #remove(sink: TelemetrySink): void {
    this.#sinks.delete(sink);
    if (this.#sinks.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    const ready = [...this.#sinks].filter((sink) => !sink.isBusy);
    if (ready.length === 0) return;
    try {
      const sample = this.#sample().slice();
      for (const sink of ready) sink.send(sample);
    } catch (error) {
      this.stop();
      this.#onFault(error);
    }
  }
}
