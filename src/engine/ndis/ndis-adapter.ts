/**
 * The NDIS layer of one adapter (`docs/vmq-reference.md` §1.3, §9). It stands between protocols (the
 * virtual switch) and the miniport: validates requests, gives out queue and filter ids, keeps
 * ownership, caches parameters, answers queries, and lets one request at a time through.
 *
 * It runs on the host's control thread, does no I/O and has no timers. Everything that takes time is
 * a promise of the miniport.
 */
import type { AdapterEvent, AdapterState } from '../../contract/vmq';
import { AdapterCore, type NdisAdapterOptions } from './adapter-core';
import type { AdapterWarning, StatusIndication } from './adapter-events';
import { adapterSnapshot, type NdisAdapterSnapshot } from './adapter-snapshot';
import { ndisVersionOf, nothingEnabled } from './capabilities';
import type { AdvertisedCapabilities } from './capability-rules';
import type { Unsubscribe } from './listeners';
import { ProtocolBinding } from './protocol-binding';
import type { QueueTransition, ReceiveQueue, ReceiveQueueInfo } from './queue';
import { QUEUE_CHANGE_FLAGS, type ReceiveQueueParameters } from './queue-parameters';
import type { QueueState } from './queue-state';
import { overlapOf, type FilterOverlap, type ReceiveFilter } from './receive-filter';
import { NDIS_CALLER, type PendingRequest, type RequestLogEntry } from './request-log';
import { liveThrough } from './requests/life';
import { enumQueues } from './requests/queries';
import { NdisStatusError, invalidParameter } from './status';

export class NdisAdapter {
  readonly #core: AdapterCore;

  /** @throws NdisStatusError when the miniport's capabilities break the rules of §2. */
  constructor(options: NdisAdapterOptions) {
    this.#core = new AdapterCore(options);
  }

  get name(): string {
    return this.#core.name;
  }

  /** Largest queue id that is ever given out. */
  get maxQueueId(): number {
    return this.#core.queueIds.maximum;
  }

  /** Opens a binding. Names are for people; ownership follows the binding, not its name. */
  bind(name: string): ProtocolBinding {
    const core = this.#core;
    const label = {
      caller: NDIS_CALLER,
      oid: 'NdisOpenAdapterEx',
      kind: 'set',
      arguments: { name },
    } as const;
    return core.answer(label, () => {
      const bindingId = core.bindingIds.last + 1;
      core.bindingIds.take(bindingId);
      const caller = { bindingId, name };
      core.openBindings.set(bindingId, caller);
      return new ProtocolBinding(core, caller);
    });
  }

  /** Where the adapter is in its life (§6.5). */
  get state(): AdapterState {
    return this.#core.state;
  }

  /**
   * Something happens to the adapter (§6.5). Settles when it is in the next state.
   * @throws NdisStatusError `NDIS_STATUS_NOT_ACCEPTED` where the table of its states has no cell.
   */
  liveThrough(event: AdapterEvent): Promise<void> {
    return liveThrough(this.#core, event);
  }

  /** Frees everything that is left and closes all bindings. Later requests are refused; a second halt is harmless. */
  halt(): Promise<void> {
    return this.#core.state === 'halted' ? Promise.resolve() : this.liveThrough('halt');
  }

  /** All queues with the default queue: what a tool sees (§3.10). Not a request, so not logged. */
  enumQueues(): readonly ReceiveQueueInfo[] {
    return enumQueues(this.#core, null);
  }

  /** The state of a queue; `Undefined` if there is none with that id. */
  queueState(queueId: number): QueueState {
    return this.#core.queues.get(queueId)?.state ?? 'Undefined';
  }

  /** All filters, or those of a queue, lowest id first. */
  filters(queueId?: number): readonly ReceiveFilter[] {
    return [...this.#core.filters.values()]
      .map((record) => record.filter)
      .filter((filter) => queueId === undefined || filter.queueId === queueId)
      .sort((one, other) => one.filterId - other.filterId);
  }

  /** Pairs of filters that match a common frame, with the one that wins. */
  filterOverlaps(): readonly FilterOverlap[] {
    const filters = this.filters();
    return filters.flatMap((one, index) =>
      filters.slice(index + 1).flatMap((other) => overlapOf(one, other) ?? []),
    );
  }

  /** How a queue came to its state, oldest first; of a freed one too, for a while. */
  queueHistory(queueId: number): readonly QueueTransition[] {
    return this.#record(queueId)?.history.entries() ?? [];
  }

  /** Parameters of a queue, also of one that was freed while it is remembered. Not a request. */
  parametersOf(queueId: number): ReceiveQueueParameters | undefined {
    return this.#record(queueId)?.parameters;
  }

  /** The binding that allocated a queue, by name; null for the default queue. */
  ownerOf(queueId: number): string | null {
    return this.#record(queueId)?.owner?.name ?? null;
  }

  /** Requests that have ended, oldest first. */
  requestLog(): readonly RequestLogEntry[] {
    return this.#core.log.entries();
  }

  /** The request that runs now. One that stays blocks the adapter's control path (§6.7). */
  pendingRequest(): PendingRequest | undefined {
    const { pending } = this.#core;
    if (pending === undefined) return undefined;
    const { caller, oid, arguments: shown, sinceMs } = pending.current;
    return { caller: caller.name, oid, arguments: shown, sinceMs, waiting: pending.waiting };
  }

  /** Everything that a refused request must leave as it is, as plain data. */
  snapshot(): NdisAdapterSnapshot {
    return adapterSnapshot(this.#core);
  }

  /** Each move of a queue, those that stay in their state included. */
  onQueueTransition(listener: (transition: QueueTransition) => void): Unsubscribe {
    return this.#core.transitions.add(listener);
  }

  /** Status indications (§3.6). */
  onStatus(listener: (indication: StatusIndication) => void): Unsubscribe {
    return this.#core.indications.add(listener);
  }

  onWarning(listener: (warning: AdapterWarning) => void): Unsubscribe {
    return this.#core.warnings.add(listener);
  }

  /** A queue, or the last freed one of that id. */
  #record(queueId: number): ReceiveQueue | undefined {
    const { queues, retired } = this.#core;
    const freed = retired.entries().filter((queue) => queue.queueId === queueId);
    return queues.get(queueId) ?? freed.at(-1);
  }

  /** What the adapter can do, and what of it is on (§2.1). */
  get capabilities(): AdvertisedCapabilities {
    return this.#core.capabilities;
  }

  /**
   * For the miniport: what it can do, or what is on, has changed (§2.1). From NDIS 6.30 on this goes
   * up as a status; a 6.20 adapter knows no such status and may change only while it has no queue,
   * as if it had been initialised again; so may its revision. A copy that is a new object counts as
   * changed.
   */
  capabilitiesChanged(capabilities: AdvertisedCapabilities): void {
    const core = this.#core;
    const old = core.capabilities;
    const { hardware, current } = capabilities;
    requireNoQueues(core, capabilities);
    core.replaceCapabilities(capabilities);
    if (core.ndisVersion === '6.20') return;
    if (hardware !== old.hardware) {
      const status = 'NDIS_STATUS_RECEIVE_FILTER_HARDWARE_CAPABILITIES';
      core.indications.emit({ status, capabilities: hardware });
    }
    if (current !== old.current) {
      const status = 'NDIS_STATUS_RECEIVE_FILTER_CURRENT_CAPABILITIES';
      core.indications.emit({ status, capabilities: current ?? nothingEnabled(hardware) });
    }
  }

  /** For the miniport, NDIS 6.30: the one queue parameter that it may change by itself (§3.6). */
  coalescingDomainChanged(queueId: number, interruptCoalescingDomainId: number): void {
    const core = this.#core;
    const queue = core.queues.get(queueId);
    if (queue === undefined || core.ndisVersion === '6.20') {
      const found = `queue ${queueId} on NDIS ${core.ndisVersion}`;
      const fault = invalidParameter('queueId', 'a queue that exists, on NDIS 6.30', found);
      throw new NdisStatusError('NdisMIndicateStatusEx', fault);
    }
    queue.parameters = { ...queue.parameters, interruptCoalescingDomainId };
    const flags =
      queue.parameters.flags | QUEUE_CHANGE_FLAGS.INTERRUPT_COALESCING_DOMAIN_ID_CHANGED;
    const status = 'NDIS_STATUS_RECEIVE_FILTER_QUEUE_PARAMETERS';
    core.indications.emit({ status, parameters: { ...queue.parameters, flags } });
  }
}

/** Refuses a change of what no queue may be there for. */
function requireNoQueues(core: AdapterCore, { hardware }: AdvertisedCapabilities): void {
  const queues = core.queues.size - 1;
  const isFixed = core.ndisVersion === '6.20' || ndisVersionOf(hardware) !== core.ndisVersion;
  if (!isFixed || queues === 0) return;
  const expected = 'no VM queue in use, on NDIS 6.20 or for another revision';
  const fault = invalidParameter('capabilities', expected, `${queues} queue(s)`);
  throw new NdisStatusError('NdisMIndicateStatusEx', fault);
}
