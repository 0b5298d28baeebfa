/** Counters of an adapter that carries frames only in name: a second of traffic passes with each look at them. */
import type { AdapterMeter, ExperimentMode } from '../../../src/contract/experiment';
import type { AdapterConfig } from '../../../src/contract/model';

export class FakeTraffic {
  /** 0: nothing is sent. */
  framesPerSecond = 100_000;
  /** What a delivered frame costs the host, by mode. */
  readonly cpuNsPerFrame: Record<ExperimentMode, number> = {
    'shared-memory': 600,
    'host-buffers': 900,
    'vmq-off': 1000,
  };
  /** Modes in which it was looked at. */
  readonly modes: ExperimentMode[] = [];
  #seconds = 0;
  #cpuNs = 0;
  #delivered = 0;
  #copies = 0;

  meter(adapter: AdapterConfig | undefined): AdapterMeter {
    const mode = adapter?.vmqEnabled === true ? adapter.bufferMode : 'vmq-off';
    this.modes.push(mode);
    this.#seconds += 1;
    this.#delivered += this.framesPerSecond;
    this.#cpuNs += this.framesPerSecond * this.cpuNsPerFrame[mode];
    this.#copies += mode === 'shared-memory' ? 0 : this.framesPerSecond;
    return {
      atNs: this.#seconds * 1e9,
      queuesUsed: mode === 'vmq-off' ? 0 : 1,
      threads: [
        {
          thread: 1,
          role: 'queue',
          systemCpuNs: this.#cpuNs,
          turnNs: 2 * this.#cpuNs,
          delivered: this.#delivered,
          receiveCopies: this.#copies,
          lost: 0,
        },
      ],
      // Half of the indications take less than 1.024 µs, half of them just more.
      queues: [{ queueId: 0, latencyBuckets: [this.#seconds * 50, this.#seconds * 50] }],
    };
  }
}
