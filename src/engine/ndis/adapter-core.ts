/**
 * The state of the NDIS layer for one adapter and the few ways to touch it: lookups that refuse,
 * moves through the state table, and the frame around each request (turn, log, refusal). The
 * requests themselves are in `requests/`.
 */
import type { AdapterState } from '../../contract/vmq';
import { capabilityFault, type AdvertisedCapabilities } from './capability-rules';
import { ndisVersionOf, type NdisVersion, type ReceiveFilterCapabilities } from './capabilities';
import type { AdapterWarning, StatusIndication } from './adapter-events';
import { BoundedLog } from './bounded-log';
import { affinityOf } from './group-affinity';
import { IdSequence } from './id-sequence';
import { Listeners } from './listeners';
import type { Miniport } from './miniport';
import type { OidName } from './oid';
import type { QueueTransition, ReceiveQueue } from './queue';
import {
  DEFAULT_RECEIVE_QUEUE_ID,
  receiveQueueParameters,
  type QueueParametersRequest,
} from './queue-parameters';
import { legalStates, nextState, type QueueEvent } from './queue-state';
import type { ReceiveFilter } from './receive-filter';
import { NDIS_CALLER, type Caller, type RequestLabel, type RequestLogEntry } from './request-log';
import { RequestQueue } from './request-queue';
import { NdisStatusError, invalidParameter, type NdisFunction, type NdisStatus } from './status';

/** How an adapter's layer is set up. */
export interface NdisAdapterOptions {
  /** For messages and logs. */
  readonly name: string;
  readonly miniport: Miniport;
  /** Monotonic clock in milliseconds. */
  readonly now: () => number;
  /** Default: on logical processor 0, without names. */
  readonly defaultQueue?: QueueParametersRequest;
  /** Logical processors that queues may use. Default: every processor. */
  readonly processors?: readonly number[];
  /** Case C of §4.4 from NDIS 6.30 on. Default: accepted (§11 point 6). */
  readonly acceptsMacOnlyFilters?: boolean;
  /** Largest queue id, so that tables can be sized. Default 255, or four times the queue count. */
  readonly maxQueueId?: number;
  /** Default 1000. */
  readonly requestLogEntries?: number;
  /** Transitions kept per queue. Default 100. */
  readonly historyEntries?: number;
}

/** A filter with the binding that set it. */
export interface FilterRecord {
  readonly filter: ReceiveFilter;
  readonly owner: Caller;
}

/** Functions that move the adapter itself; the table of its states says when they are legal. */
const LIFE_FUNCTIONS: ReadonlySet<string> = new Set<NdisFunction>([
  'MiniportInitializeEx',
  'MiniportPause',
  'MiniportRestart',
  'MiniportResetEx',
  'MiniportHaltEx',
  'MiniportDevicePnPEventNotify',
]);

/** Queue and filter ids are 16 bits wide in out-of-band data (§6.2). */
const MAX_ID = 0xffff;
const DEFAULT_MAX_QUEUE_ID = 255;
/** Freed queues whose history can still be read. */
const RETIRED_QUEUES = 64;

export class AdapterCore {
  readonly name: string;
  readonly miniport: Miniport;
  readonly now: () => number;
  readonly processors: readonly number[] | undefined;
  readonly acceptsMacOnlyFilters: boolean;

  readonly queues = new Map<number, ReceiveQueue>();
  readonly filters = new Map<number, FilterRecord>();
  readonly queueIds: IdSequence;
  readonly filterIds = new IdSequence(MAX_ID);
  readonly openBindings = new Map<number, Caller>();
  readonly bindingIds = new IdSequence(Number.MAX_SAFE_INTEGER);
  /** Where the adapter is in its life (§6.5). */
  state: AdapterState = 'running';

  readonly transitions = new Listeners<QueueTransition>();
  readonly indications = new Listeners<StatusIndication>();
  readonly warnings = new Listeners<AdapterWarning>();
  readonly log: BoundedLog<RequestLogEntry>;
  readonly retired = new BoundedLog<ReceiveQueue>(RETIRED_QUEUES);

  readonly #requests = new RequestQueue<RequestLabel & { readonly sinceMs: number }>();
  readonly #historyEntries: number;
  #capabilities: AdvertisedCapabilities;
  #sequence = 0;

  constructor(options: NdisAdapterOptions) {
    const { hardware, current } = options.miniport.capabilities;
    const fault = capabilityFault({ hardware, current });
    if (fault) throw new NdisStatusError('NdisMSetMiniportAttributes', fault);
    this.name = options.name;
    this.miniport = options.miniport;
    this.now = options.now;
    this.processors = options.processors;
    this.acceptsMacOnlyFilters = options.acceptsMacOnlyFilters ?? true;
    this.log = new BoundedLog(options.requestLogEntries ?? 1000);
    this.#historyEntries = options.historyEntries ?? 100;
    this.#capabilities = { hardware, current };
    this.queueIds = new IdSequence(largestQueueId(hardware, options.maxQueueId));
    this.#addDefaultQueue(options.defaultQueue ?? { processorAffinity: affinityOf(0) });
  }

  /** The version whose rules apply: that of the hardware copy. */
  get ndisVersion(): NdisVersion {
    return ndisVersionOf(this.#capabilities.hardware);
  }

  get capabilities(): AdvertisedCapabilities {
    return this.#capabilities;
  }

  /** Replaces both copies, if they keep the rules of §2. */
  replaceCapabilities(capabilities: AdvertisedCapabilities): void {
    const fault = capabilityFault(capabilities);
    if (fault) throw new NdisStatusError('NdisMIndicateStatusEx', fault);
    this.#capabilities = capabilities;
  }

  /** The current capabilities, refused when VMQ is not on (§9.1). */
  requireCurrent(oid: OidName): ReceiveFilterCapabilities {
    const { current } = this.#capabilities;
    if (current !== null) return current;
    throw new NdisStatusError(oid, {
      status: 'NDIS_STATUS_NOT_SUPPORTED',
      expected: 'an adapter with receive filtering enabled',
      found: `${this.name} with all of it off`,
      remedy: 'Enable VMQ on the adapter.',
    });
  }

  requireQueue(oid: OidName, queueId: number): ReceiveQueue {
    const queue = this.queues.get(queueId);
    if (queue) return queue;
    throw new NdisStatusError(
      oid,
      invalidParameter('queueId', 'a queue that exists', String(queueId)),
    );
  }

  /** A queue that `caller` allocated; the default queue belongs to nobody (§1.3). */
  requireOwnQueue(oid: OidName, caller: Caller, queueId: number): ReceiveQueue {
    const queue = this.requireQueue(oid, queueId);
    if (queue.owner?.bindingId === caller.bindingId) return queue;
    const found =
      queue.owner === null ? 'the default queue' : `queue ${queueId} of ${queue.owner.name}`;
    throw new NdisStatusError(oid, invalidParameter('queueId', `a queue of ${caller.name}`, found));
  }

  /** Refuses an illegal cell of §3.2. Nothing is changed either way. */
  requireLegal(oid: OidName, queue: ReceiveQueue, event: QueueEvent): void {
    if (nextState(queue.state, event) !== 'illegal') return;
    const filters = this.filtersOf(queue.queueId).length;
    throw new NdisStatusError(
      oid,
      invalidParameter(
        'queueId',
        `a queue in state ${legalStates(event).join(' or ')}`,
        `queue ${queue.queueId} in ${queue.state} with ${filters} filter(s)`,
      ),
    );
  }

  /** Filters of a queue, lowest id first. */
  filtersOf(queueId: number): readonly FilterRecord[] {
    return [...this.filters.values()]
      .filter((record) => record.filter.queueId === queueId)
      .sort((one, other) => one.filter.filterId - other.filter.filterId);
  }

  newHistory(): BoundedLog<QueueTransition> {
    return new BoundedLog(this.#historyEntries);
  }

  /** Moves a queue through the table. The default queue is outside of it and stays as it is. */
  apply(queue: ReceiveQueue, event: QueueEvent): void {
    const to =
      queue.queueId === DEFAULT_RECEIVE_QUEUE_ID ? queue.state : nextState(queue.state, event);
    if (to === 'illegal')
      throw new Error(`queue ${queue.queueId}: ${event} is illegal in ${queue.state}`);
    this.move(queue, event, to);
  }

  /** Records a move, outside of the table only where a miniport refuses a free. */
  move(queue: ReceiveQueue, event: QueueTransition['event'], to: ReceiveQueue['state']): void {
    const from = queue.state;
    queue.state = to;
    const transition = { timeMs: this.now(), queueId: queue.queueId, event, from, to };
    queue.history.add(transition);
    this.transitions.emit(transition);
  }

  /** Runs a request in its turn, logs it, and refuses it when its binding or the adapter is closed. */
  submit<Result>(label: RequestLabel, work: () => Promise<Result> | Result): Promise<Result> {
    const submittedMs = this.now();
    // From NDIS 6.30 on a request waits until the reset is over (§6.5).
    if (this.state === 'resetting' && this.ndisVersion === '6.20') {
      const fault = this.#notAccepted(label.oid);
      this.#record(label, submittedMs, 0, fault);
      return Promise.reject(fault);
    }
    return this.#requests.run(
      () => ({ ...label, sinceMs: this.now() }),
      async ({ sinceMs }) => {
        const waitedMs = sinceMs - submittedMs;
        try {
          this.#requireOpen(label);
          const result = await work();
          this.#record(label, sinceMs, waitedMs, undefined);
          return result;
        } catch (error) {
          this.#record(label, sinceMs, waitedMs, error);
          throw error;
        }
      },
    );
  }

  /** Answers a query from the cache, at once, even while a request is pending. */
  answer<Result>(label: RequestLabel, work: () => Result): Result {
    const startedMs = this.now();
    try {
      this.#requireOpen(label);
      const result = work();
      this.#record(label, startedMs, 0, undefined);
      return result;
    } catch (error) {
      this.#record(label, startedMs, 0, error);
      throw error;
    }
  }

  /** The request that runs now and how many wait. */
  get pending():
    | { readonly current: RequestLabel & { readonly sinceMs: number }; readonly waiting: number }
    | undefined {
    return this.#requests.pending;
  }

  #addDefaultQueue(request: QueueParametersRequest): void {
    const parameters = receiveQueueParameters({ ...request, queueId: DEFAULT_RECEIVE_QUEUE_ID });
    this.queues.set(DEFAULT_RECEIVE_QUEUE_ID, {
      queueId: DEFAULT_RECEIVE_QUEUE_ID,
      owner: null,
      state: 'Running',
      parameters,
      history: this.newHistory(),
    });
  }

  #requireOpen(label: RequestLabel): void {
    const { caller, oid } = label;
    if (LIFE_FUNCTIONS.has(oid)) return;
    if (this.state === 'halted' || this.state === 'removed') throw this.#notAccepted(oid);
    if (caller.bindingId === NDIS_CALLER.bindingId || this.openBindings.has(caller.bindingId))
      return;
    const [expected, found] = ['an open binding', `${caller.name}, closed`];
    throw new NdisStatusError(oid, { status: 'NDIS_STATUS_CLOSING', expected, found });
  }

  #notAccepted(oid: RequestLabel['oid']): NdisStatusError {
    const [expected, found] = ['a running adapter', `${this.name}, ${this.state}`];
    return new NdisStatusError(oid, { status: 'NDIS_STATUS_NOT_ACCEPTED', expected, found });
  }

  #record(label: RequestLabel, timeMs: number, waitedMs: number, error: unknown): void {
    this.#sequence += 1;
    this.log.add({
      sequence: this.#sequence,
      timeMs,
      caller: label.caller.name,
      oid: label.oid,
      kind: label.kind,
      arguments: label.arguments,
      status: statusOf(error),
      reason: reasonOf(error),
      waitedMs,
      durationMs: this.now() - timeMs,
    });
  }
}

function largestQueueId(hardware: ReceiveFilterCapabilities, wished: number | undefined): number {
  const maximum =
    wished ?? Math.min(MAX_ID, Math.max(DEFAULT_MAX_QUEUE_ID, 4 * hardware.numQueues));
  const fits = Number.isInteger(maximum) && maximum >= hardware.numQueues && maximum <= MAX_ID;
  if (fits) return maximum;
  throw new NdisStatusError('NdisMSetMiniportAttributes', {
    status: 'NDIS_STATUS_BAD_CHARACTERISTICS',
    field: 'maxQueueId',
    expected: `${hardware.numQueues} to ${MAX_ID}`,
    found: String(maximum),
  });
}

function statusOf(error: unknown): NdisStatus {
  if (error === undefined) return 'NDIS_STATUS_SUCCESS';
  return error instanceof NdisStatusError ? error.status : 'NDIS_STATUS_FAILURE';
}

function reasonOf(error: unknown): string {
  if (error === undefined) return '';
  if (error instanceof NdisStatusError) return error.refusal.why;
  return error instanceof Error ? error.message : 'something that is no error was thrown';
}
