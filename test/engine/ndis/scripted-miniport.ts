/**
 * A miniport for tests: it answers at once unless a test holds an answer back, keeps its own record
 * of what it was told, and fails a test when two requests overlap.
 */
import type { AdvertisedCapabilities } from '../../../src/engine/ndis/capability-rules';
import type {
  AllocationOutcome,
  Miniport,
  QueueCompletion,
} from '../../../src/engine/ndis/miniport';
import type { ReceiveQueueParameters } from '../../../src/engine/ndis/queue-parameters';
import type { ReceiveFilter } from '../../../src/engine/ndis/receive-filter';
import type { NdisStatus } from '../../../src/engine/ndis/status';

/** One call as it arrived. */
export interface MiniportCall {
  readonly method: keyof Miniport;
  readonly arguments: readonly unknown[];
}

/** An answer that a test gives when it likes. */
export interface HeldAnswer {
  readonly release: () => void;
}

export class ScriptedMiniport implements Miniport {
  readonly calls: MiniportCall[] = [];
  /** Filters that frames follow: filter id to queue id. */
  readonly activeFilters = new Map<number, number>();
  /** Answers to come, per method; when there is none, success. */
  readonly #answers = new Map<keyof Miniport, (NdisStatus | Error)[]>();
  readonly #holds = new Map<keyof Miniport, Promise<void>[]>();
  #running: keyof Miniport | undefined;
  /** How often a free says that DMA has stopped; 1 is right. */
  dmaStoppedCalls = 1;
  /** Statuses for the next completion, by queue id. */
  readonly completionStatuses = new Map<number, NdisStatus>();

  constructor(readonly capabilities: AdvertisedCapabilities) {}

  /** The next call of `method` is answered with this status, or rejects with this error. */
  answerNext(method: keyof Miniport, answer: NdisStatus | Error): void {
    this.#answers.set(method, [...(this.#answers.get(method) ?? []), answer]);
  }

  /** The next call of `method` waits until it is released. */
  holdNext(method: keyof Miniport): HeldAnswer {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.#holds.set(method, [...(this.#holds.get(method) ?? []), held]);
    return { release };
  }

  callsOf(method: keyof Miniport): readonly MiniportCall[] {
    return this.calls.filter((call) => call.method === method);
  }

  async allocateQueue(
    queueId: number,
    parameters: ReceiveQueueParameters,
  ): Promise<AllocationOutcome> {
    const status = await this.#serve('allocateQueue', [queueId, parameters]);
    return { status, msixTableEntry: queueId + 100 };
  }

  async completeAllocation(queues: readonly QueueCompletion[]): Promise<readonly NdisStatus[]> {
    const status = await this.#serve('completeAllocation', [queues]);
    return queues.map((queue) => {
      const own = this.completionStatuses.get(queue.queueId) ?? status;
      if (own === 'NDIS_STATUS_SUCCESS') queue.filters.forEach((filter) => this.#activate(filter));
      return own;
    });
  }

  async setFilter(filter: ReceiveFilter, activate: boolean): Promise<NdisStatus> {
    const status = await this.#serve('setFilter', [filter, activate]);
    if (activate && status === 'NDIS_STATUS_SUCCESS') this.#activate(filter);
    return status;
  }

  async clearFilter(filter: ReceiveFilter, last: boolean): Promise<NdisStatus> {
    const status = await this.#serve('clearFilter', [filter, last]);
    if (status === 'NDIS_STATUS_SUCCESS') this.activeFilters.delete(filter.filterId);
    return status;
  }

  async setQueueParameters(
    queueId: number,
    parameters: ReceiveQueueParameters,
    changed: number,
  ): Promise<NdisStatus> {
    return this.#serve('setQueueParameters', [queueId, parameters, changed]);
  }

  async freeQueue(queueId: number, dmaStopped: () => void): Promise<NdisStatus> {
    const refused = this.#answers.get('freeQueue')?.[0];
    if (refused === undefined) for (let n = 0; n < this.dmaStoppedCalls; n++) dmaStopped();
    return this.#serve('freeQueue', [queueId]);
  }

  async pause(): Promise<void> {
    await this.#serve('pause', []);
  }

  async restart(): Promise<void> {
    await this.#serve('restart', []);
  }

  async reset(): Promise<void> {
    await this.#serve('reset', []);
  }

  async halt(): Promise<void> {
    await this.#serve('halt', []);
  }

  async initialise(): Promise<void> {
    await this.#serve('initialise', []);
  }

  /** May come while another call runs. */
  surpriseRemoval(): Promise<void> {
    this.calls.push({ method: 'surpriseRemoval', arguments: [] });
    return Promise.resolve();
  }

  #activate(filter: ReceiveFilter): void {
    this.activeFilters.set(filter.filterId, filter.queueId);
  }

  async #serve(method: keyof Miniport, args: readonly unknown[]): Promise<NdisStatus> {
    if (this.#running !== undefined) throw new Error(`${method} while ${this.#running} runs`);
    this.#running = method;
    this.calls.push({ method, arguments: args });
    try {
      await this.#holds.get(method)?.shift();
      const answer = this.#answers.get(method)?.shift() ?? 'NDIS_STATUS_SUCCESS';
      if (answer instanceof Error) throw answer;
      return answer;
    } finally {
      this.#running = undefined;
    }
  }
}
