/**
 * A protocol driver's handle on an adapter: every request it can make, named after the OID. What
 * reaches the miniport waits its turn and answers with a promise; queries are answered at once.
 *
 *     const binding = adapter.bind('switch');
 *     const queueId = await binding.allocateQueue(receiveQueueParameters({ processorAffinity }));
 *     const filterId = await binding.setFilter(macFilter(queueId, mac, null));
 *     const [result] = await binding.queueAllocationComplete([queueId]);   // Running
 *     …
 *     await binding.clearFilter(queueId, filterId);                        // Paused, empty
 *     await binding.freeQueue(queueId);                                    // gone
 *     await binding.close();
 *
 * Every refusal is an {@link NdisStatusError}: a rejection, or thrown by a query.
 */
import type { AdapterCore } from './adapter-core';
import type { ReceiveFilterCapabilities, ReceiveFilterGlobalParameters } from './capabilities';
import type { ReceiveFilterParameters } from './filter-parameters';
import { formatAffinity } from './group-affinity';
import type { OidName, RequestKind } from './oid';
import type { ReceiveQueueInfo } from './queue';
import type { QueueParametersUpdate, ReceiveQueueParameters } from './queue-parameters';
import type { Caller, RequestArguments, RequestLabel } from './request-log';
import { allocateQueue } from './requests/allocate-queue';
import { clearFilter } from './requests/clear-filter';
import { closeBinding } from './requests/close-binding';
import { completeAllocation, type QueueCompletionResult } from './requests/complete-allocation';
import { freeQueue } from './requests/free-queue';
import * as queries from './requests/queries';
import { setFilter } from './requests/set-filter';
import { setQueueParameters } from './requests/set-queue-parameters';
import { NdisStatusError } from './status';

export class ProtocolBinding {
  /** What was on when it was bound (NDIS_BIND_PARAMETERS, §2.1); null: nothing. Changes come as a status. */
  readonly receiveFilterCapabilities: ReceiveFilterCapabilities | null;
  readonly #core: AdapterCore;
  readonly #caller: Caller;

  /** Made by `NdisAdapter.bind`. */
  constructor(core: AdapterCore, caller: Caller) {
    this.#core = core;
    this.#caller = caller;
    this.receiveFilterCapabilities = core.capabilities.current;
  }

  get name(): string {
    return this.#caller.name;
  }

  /** Makes a queue in Allocated; answers its id. Frames do not follow until the allocation is complete. */
  allocateQueue(parameters: ReceiveQueueParameters): Promise<number> {
    const { vmName, queueName, processorAffinity } = parameters;
    const shown = { vmName, queueName, processorAffinity: formatAffinity(processorAffinity) };
    return this.#submit('OID_RECEIVE_FILTER_ALLOCATE_QUEUE', 'method', shown, () =>
      allocateQueue(this.#core, this.#caller, parameters),
    );
  }

  /** Legal in Allocated, Set, Running, Paused, and on queue 0. Answers the filter's id. */
  setFilter(parameters: ReceiveFilterParameters): Promise<number> {
    const shown = { queueId: parameters.queueId, tests: formatTests(parameters) };
    return this.#submit('OID_RECEIVE_FILTER_SET_FILTER', 'method', shown, () =>
      setFilter(this.#core, this.#caller, parameters),
    );
  }

  /** Legal in Allocated and Set, per queue; answers a status for each, in the order given. */
  queueAllocationComplete(queueIds: readonly number[]): Promise<readonly QueueCompletionResult[]> {
    const shown = { queueIds: queueIds.join(', ') };
    return this.#submit('OID_RECEIVE_FILTER_QUEUE_ALLOCATION_COMPLETE', 'method', shown, () =>
      completeAllocation(this.#core, this.#caller, queueIds),
    );
  }

  /** Legal for the binding that set the filter. Resolves when what was accepted is delivered. */
  clearFilter(queueId: number, filterId: number): Promise<void> {
    return this.#submit('OID_RECEIVE_FILTER_CLEAR_FILTER', 'set', { queueId, filterId }, () =>
      clearFilter(this.#core, this.#caller, queueId, filterId),
    );
  }

  /** Legal in Allocated and Paused. Resolves when all buffers of the queue are back. */
  freeQueue(queueId: number): Promise<void> {
    return this.#submit('OID_RECEIVE_FILTER_FREE_QUEUE', 'set', { queueId }, () =>
      freeQueue(this.#core, this.#caller, queueId),
    );
  }

  /** Legal in Allocated, Set, Running, Paused. Changes the members whose change bit is set. */
  setQueueParameters(queueId: number, update: QueueParametersUpdate): Promise<void> {
    const shown = { queueId, flags: `0x${(update.flags >>> 0).toString(16)}` };
    return this.#submit('OID_RECEIVE_FILTER_QUEUE_PARAMETERS', 'set', shown, () =>
      setQueueParameters(this.#core, this.#caller, queueId, update),
    );
  }

  /** Always refused: moving a filter is for the virtual ports of SR-IOV only (§4.8). */
  moveFilter(filterId: number): Promise<never> {
    const oid = 'OID_RECEIVE_FILTER_MOVE_FILTER';
    return this.#submit(oid, 'set', { filterId }, () => {
      throw new NdisStatusError(oid, {
        status: 'NDIS_STATUS_NOT_SUPPORTED',
        expected: 'an adapter with SR-IOV',
        found: `${this.#core.name} without it`,
        remedy: 'Clear the filter and set it on the other queue.',
      });
    });
  }

  /** Parameters of any queue, also of one that another binding owns. */
  queueParameters(queueId: number): ReceiveQueueParameters {
    return this.#answer('OID_RECEIVE_FILTER_QUEUE_PARAMETERS', 'method', { queueId }, () =>
      queries.queueParameters(this.#core, queueId),
    );
  }

  /** The queues of this binding (§3.10). */
  enumQueues(): readonly ReceiveQueueInfo[] {
    return this.#answer('OID_RECEIVE_FILTER_ENUM_QUEUES', 'query', {}, () =>
      queries.enumQueues(this.#core, this.#caller),
    );
  }

  enumFilters(queueId: number): readonly queries.ReceiveFilterInfo[] {
    return this.#answer('OID_RECEIVE_FILTER_ENUM_FILTERS', 'method', { queueId }, () =>
      queries.enumFilters(this.#core, queueId),
    );
  }

  filterParameters(filterId: number): ReceiveFilterParameters {
    return this.#answer('OID_RECEIVE_FILTER_PARAMETERS', 'method', { filterId }, () =>
      queries.filterParametersOf(this.#core, filterId),
    );
  }

  globalParameters(): ReceiveFilterGlobalParameters {
    return this.#answer('OID_RECEIVE_FILTER_GLOBAL_PARAMETERS', 'query', {}, () =>
      queries.globalParameters(this.#core),
    );
  }

  currentCapabilities(): ReceiveFilterCapabilities {
    return this.#answer('OID_RECEIVE_FILTER_CURRENT_CAPABILITIES', 'query', {}, () =>
      queries.currentCapabilities(this.#core),
    );
  }

  hardwareCapabilities(): ReceiveFilterCapabilities {
    return this.#answer('OID_RECEIVE_FILTER_HARDWARE_CAPABILITIES', 'query', {}, () =>
      queries.hardwareCapabilities(this.#core),
    );
  }

  /** Legal without queues and filters. Requests made before are finished first. */
  close(): Promise<void> {
    const label: RequestLabel = {
      caller: this.#caller,
      oid: 'NdisCloseAdapterEx',
      kind: 'set',
      arguments: {},
    };
    return this.#core.submit(label, () => closeBinding(this.#core, this.#caller));
  }

  #submit<Result>(
    oid: OidName,
    kind: RequestKind,
    shown: RequestArguments,
    work: () => Promise<Result> | Result,
  ): Promise<Result> {
    return this.#core.submit({ caller: this.#caller, oid, kind, arguments: shown }, work);
  }

  #answer<Result>(
    oid: OidName,
    kind: RequestKind,
    shown: RequestArguments,
    work: () => Result,
  ): Result {
    return this.#core.answer({ caller: this.#caller, oid, kind, arguments: shown }, work);
  }
}

function formatTests(parameters: ReceiveFilterParameters): string {
  return parameters.tests
    .map(
      (test) =>
        `${test.headerField}=${test.fieldValue}${test.flags === 0 ? '' : ` flags ${test.flags}`}`,
    )
    .join(' and ');
}
