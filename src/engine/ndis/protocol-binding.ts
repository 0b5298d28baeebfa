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
 * Every refusal is an {@link NdisStatusError}: a rejection, or thrown by a query. The last argument
 * of a request says what its information buffer claims; left out, the buffer is a whole one.
 */
import type { AdapterCore } from './adapter-core';
import type { ReceiveFilterCapabilities, ReceiveFilterGlobalParameters } from './capabilities';
import type { ReceiveFilterParameters } from './filter-parameters';
import { formatAffinity } from './group-affinity';
import {
  arrayBytes,
  requireInput,
  requireOutput,
  type InformationBuffer,
  type InputShape,
} from './information-buffer';
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
import { sizeOfStructure } from './structures';

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
  allocateQueue(parameters: ReceiveQueueParameters, buffer?: InformationBuffer): Promise<number> {
    const oid = 'OID_RECEIVE_FILTER_ALLOCATE_QUEUE';
    const { revision } = parameters;
    const { vmName, queueName, processorAffinity } = parameters;
    const shown = { vmName, queueName, processorAffinity: formatAffinity(processorAffinity) };
    return this.#submit(oid, 'method', shown, () => {
      requireInput(oid, { structure: 'NDIS_RECEIVE_QUEUE_PARAMETERS', revision }, buffer);
      return allocateQueue(this.#core, this.#caller, parameters);
    });
  }

  /** Legal in Allocated, Set, Running, Paused, and on queue 0. Answers the filter's id. */
  setFilter(parameters: ReceiveFilterParameters, buffer?: InformationBuffer): Promise<number> {
    const oid = 'OID_RECEIVE_FILTER_SET_FILTER';
    const shown = { queueId: parameters.queueId, tests: formatTests(parameters) };
    return this.#submit(oid, 'method', shown, () => {
      requireInput(oid, filterShape(parameters), buffer);
      return setFilter(this.#core, this.#caller, parameters);
    });
  }

  /** Legal in Allocated and Set, per queue; answers a status for each, in the order given. */
  queueAllocationComplete(
    queueIds: readonly number[],
    buffer?: InformationBuffer,
  ): Promise<readonly QueueCompletionResult[]> {
    const oid = 'OID_RECEIVE_FILTER_QUEUE_ALLOCATION_COMPLETE';
    const shown = { queueIds: queueIds.join(', ') };
    const shape: InputShape = {
      structure: 'NDIS_RECEIVE_QUEUE_ALLOCATION_COMPLETE_ARRAY',
      elements: {
        structure: 'NDIS_RECEIVE_QUEUE_ALLOCATION_COMPLETE_PARAMETERS',
        count: queueIds.length,
      },
    };
    return this.#submit(oid, 'method', shown, () => {
      requireInput(oid, shape, buffer);
      return completeAllocation(this.#core, this.#caller, queueIds);
    });
  }

  /** Legal for the binding that set the filter. Resolves when what was accepted is delivered. */
  clearFilter(queueId: number, filterId: number, buffer?: InformationBuffer): Promise<void> {
    const oid = 'OID_RECEIVE_FILTER_CLEAR_FILTER';
    return this.#submit(oid, 'set', { queueId, filterId }, () => {
      requireInput(oid, { structure: 'NDIS_RECEIVE_FILTER_CLEAR_PARAMETERS' }, buffer);
      return clearFilter(this.#core, this.#caller, queueId, filterId);
    });
  }

  /** Legal in Allocated and Paused. Resolves when all buffers of the queue are back. */
  freeQueue(queueId: number, buffer?: InformationBuffer): Promise<void> {
    const oid = 'OID_RECEIVE_FILTER_FREE_QUEUE';
    return this.#submit(oid, 'set', { queueId }, () => {
      requireInput(oid, { structure: 'NDIS_RECEIVE_QUEUE_FREE_PARAMETERS' }, buffer);
      return freeQueue(this.#core, this.#caller, queueId);
    });
  }

  /** Legal in Allocated, Set, Running, Paused. Changes the members whose change bit is set. */
  setQueueParameters(
    queueId: number,
    update: QueueParametersUpdate,
    buffer?: InformationBuffer,
  ): Promise<void> {
    const oid = 'OID_RECEIVE_FILTER_QUEUE_PARAMETERS';
    const shown = { queueId, flags: `0x${(update.flags >>> 0).toString(16)}` };
    return this.#submit(oid, 'set', shown, () => {
      requireInput(oid, { structure: 'NDIS_RECEIVE_QUEUE_PARAMETERS' }, buffer);
      return setQueueParameters(this.#core, this.#caller, queueId, update);
    });
  }

  /** Always refused: moving a filter is for the virtual ports of SR-IOV only (§4.8). */
  moveFilter(filterId: number, buffer?: InformationBuffer): Promise<never> {
    const oid = 'OID_RECEIVE_FILTER_MOVE_FILTER';
    return this.#submit(oid, 'set', { filterId }, () => {
      requireInput(oid, { structure: 'NDIS_RECEIVE_FILTER_MOVE_FILTER_PARAMETERS' }, buffer);
      throw new NdisStatusError(oid, {
        status: 'NDIS_STATUS_NOT_SUPPORTED',
        expected: 'an adapter with SR-IOV',
        found: `${this.#core.name} without it`,
        remedy: 'Clear the filter and set it on the other queue.',
      });
    });
  }

  /** Parameters of any queue, also of one that another binding owns. */
  queueParameters(queueId: number, buffer?: InformationBuffer): ReceiveQueueParameters {
    const oid = 'OID_RECEIVE_FILTER_QUEUE_PARAMETERS';
    return this.#answer(oid, 'method', { queueId }, () => {
      requireInput(oid, { structure: 'NDIS_RECEIVE_QUEUE_PARAMETERS' }, buffer);
      return queries.queueParameters(this.#core, queueId);
    });
  }

  /** The queues of this binding (§3.10). */
  enumQueues(buffer?: InformationBuffer): readonly ReceiveQueueInfo[] {
    const oid = 'OID_RECEIVE_FILTER_ENUM_QUEUES';
    return this.#answer(oid, 'query', {}, () => {
      const queues = queries.enumQueues(this.#core, this.#caller);
      const array = 'NDIS_RECEIVE_QUEUE_INFO_ARRAY';
      requireOutput(oid, arrayBytes(array, 'NDIS_RECEIVE_QUEUE_INFO', queues.length), buffer);
      return queues;
    });
  }

  enumFilters(queueId: number, buffer?: InformationBuffer): readonly queries.ReceiveFilterInfo[] {
    const oid = 'OID_RECEIVE_FILTER_ENUM_FILTERS';
    const structure = 'NDIS_RECEIVE_FILTER_INFO_ARRAY';
    return this.#answer(oid, 'method', { queueId }, () => {
      requireInput(oid, { structure }, buffer);
      const filters = queries.enumFilters(this.#core, queueId);
      requireOutput(oid, arrayBytes(structure, 'NDIS_RECEIVE_FILTER_INFO', filters.length), buffer);
      return filters;
    });
  }

  filterParameters(filterId: number, buffer?: InformationBuffer): ReceiveFilterParameters {
    const oid = 'OID_RECEIVE_FILTER_PARAMETERS';
    const structure = 'NDIS_RECEIVE_FILTER_PARAMETERS';
    return this.#answer(oid, 'method', { filterId }, () => {
      requireInput(oid, { structure }, buffer);
      const parameters = queries.filterParametersOf(this.#core, filterId);
      const element = 'NDIS_RECEIVE_FILTER_FIELD_PARAMETERS';
      requireOutput(oid, arrayBytes(structure, element, parameters.tests.length), buffer);
      return parameters;
    });
  }

  globalParameters(buffer?: InformationBuffer): ReceiveFilterGlobalParameters {
    const oid = 'OID_RECEIVE_FILTER_GLOBAL_PARAMETERS';
    return this.#answer(oid, 'query', {}, () => {
      const answer = queries.globalParameters(this.#core);
      requireOutput(oid, sizeOfStructure('NDIS_RECEIVE_FILTER_GLOBAL_PARAMETERS', 1), buffer);
      return answer;
    });
  }

  currentCapabilities(buffer?: InformationBuffer): ReceiveFilterCapabilities {
    const oid = 'OID_RECEIVE_FILTER_CURRENT_CAPABILITIES';
    return this.#answer(oid, 'query', {}, () => {
      const answer = queries.currentCapabilities(this.#core);
      requireOutput(
        oid,
        sizeOfStructure('NDIS_RECEIVE_FILTER_CAPABILITIES', answer.revision),
        buffer,
      );
      return answer;
    });
  }

  hardwareCapabilities(buffer?: InformationBuffer): ReceiveFilterCapabilities {
    const oid = 'OID_RECEIVE_FILTER_HARDWARE_CAPABILITIES';
    return this.#answer(oid, 'query', {}, () => {
      const answer = queries.hardwareCapabilities(this.#core);
      requireOutput(
        oid,
        sizeOfStructure('NDIS_RECEIVE_FILTER_CAPABILITIES', answer.revision),
        buffer,
      );
      return answer;
    });
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

/** A filter in its revision, with the array of its tests. */
function filterShape({ revision, tests }: ReceiveFilterParameters): InputShape {
  const elements = {
    structure: 'NDIS_RECEIVE_FILTER_FIELD_PARAMETERS',
    count: tests.length,
  } as const;
  return { structure: 'NDIS_RECEIVE_FILTER_PARAMETERS', revision, elements };
}

function formatTests(parameters: ReceiveFilterParameters): string {
  return parameters.tests
    .map(
      (test) =>
        `${test.headerField}=${test.fieldValue}${test.flags === 0 ? '' : ` flags ${test.flags}`}`,
    )
    .join(' and ');
}
