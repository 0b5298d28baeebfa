/** §9: malformed input at every request: the documented status, and nothing has changed. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { vmqCapabilities } from '../../../src/engine/ndis/capabilities';
import {
  filterParameters,
  macFilter,
  macTest,
  vlanTest,
  type FieldTest,
} from '../../../src/engine/ndis/filter-parameters';
import type { InformationBuffer } from '../../../src/engine/ndis/information-buffer';
import type { ProtocolBinding } from '../../../src/engine/ndis/protocol-binding';
import {
  QUEUE_CHANGE_FLAGS,
  receiveQueueParameters,
} from '../../../src/engine/ndis/queue-parameters';
import { NdisStatusError, type NdisStatus } from '../../../src/engine/ndis/status';
import {
  newestRevision,
  sizeOfStructure,
  type StructureName,
} from '../../../src/engine/ndis/structures';
import { announcedSeed, withEffort } from '../../support/seed';
import {
  aQueueIn,
  anAdapter,
  macOf,
  onProcessor,
  refusalOf,
  type AdapterFixture,
} from '../ndis/an-adapter';

const INVALID = 'NDIS_STATUS_INVALID_PARAMETER';
const TOO_SHORT = 'NDIS_STATUS_INVALID_LENGTH';
const RENAME = { flags: QUEUE_CHANGE_FLAGS.NAME_CHANGED, queueName: 'renamed' };

/** An adapter with a queue in each state, filters on two of them and on queue 0, and a second binding. */
interface Lived {
  readonly fixture: AdapterFixture;
  readonly stranger: ProtocolBinding;
  readonly queues: Readonly<Record<'Allocated' | 'Set' | 'Paused' | 'Running', number>>;
  readonly filterOfRunning: number;
  readonly filterOfDefault: number;
}

async function anAdapterInUse(): Promise<Lived> {
  const capabilities = vmqCapabilities({
    ndisVersion: '6.30',
    numQueues: 5,
    maxMacHeaderFilters: 8,
  });
  const fixture = anAdapter({ capabilities, processors: [0, 1, 2, 3] });
  const stranger = fixture.adapter.bind('stranger');
  const running = await aQueueIn('Running', fixture);
  const queues = {
    Allocated: (await aQueueIn('Allocated', fixture)).queueId,
    Set: (await aQueueIn('Set', fixture)).queueId,
    Paused: (await aQueueIn('Paused', fixture)).queueId,
    Running: running.queueId,
  };
  const filterOfDefault = await fixture.binding.setFilter(macFilter(0, macOf(50), null));
  return { fixture, stranger, queues, filterOfRunning: running.filterId ?? 0, filterOfDefault };
}

/** Everything that can be seen of an adapter, but for the log of requests. */
function wholeState({ fixture, queues }: Lived): unknown {
  const { adapter, miniport, indications, warnings } = fixture;
  return structuredClone({
    layer: adapter.snapshot(),
    histories: Object.values(queues).map((id) => adapter.queueHistory(id)),
    calls: miniport.calls.length,
    active: [...miniport.activeFilters],
    indications,
    warnings,
  });
}

/** A request with a buffer; what it makes is of no interest. */
type Request = (lived: Lived, buffer?: InformationBuffer) => unknown;

interface Form {
  readonly name: string;
  readonly request: Request;
  readonly structure: StructureName;
  /** Revision of the typed data, where it has one. */
  readonly revision?: number;
  /** Elements that the request passes or the answer has. */
  readonly elements?: { readonly structure: StructureName; readonly count: number };
  /** Whether the buffer takes input: header and array are checked. */
  readonly isInput: boolean;
}

const element = (structure: StructureName, count: number): NonNullable<Form['elements']> => ({
  structure,
  count,
});

/** Every request form of §9.1, legal but for its buffer. */
const FORMS: readonly Form[] = [
  {
    name: 'HARDWARE_CAPABILITIES',
    request: ({ fixture }, buffer) => fixture.binding.hardwareCapabilities(buffer),
    structure: 'NDIS_RECEIVE_FILTER_CAPABILITIES',
    isInput: false,
  },
  {
    name: 'GLOBAL_PARAMETERS',
    request: ({ fixture }, buffer) => fixture.binding.globalParameters(buffer),
    structure: 'NDIS_RECEIVE_FILTER_GLOBAL_PARAMETERS',
    isInput: false,
  },
  {
    name: 'ALLOCATE_QUEUE',
    request: ({ fixture }, buffer) => fixture.binding.allocateQueue(onProcessor(1), buffer),
    structure: 'NDIS_RECEIVE_QUEUE_PARAMETERS',
    revision: 2,
    isInput: true,
  },
  {
    name: 'FREE_QUEUE',
    request: ({ fixture, queues }, buffer) => fixture.binding.freeQueue(queues.Paused, buffer),
    structure: 'NDIS_RECEIVE_QUEUE_FREE_PARAMETERS',
    isInput: true,
  },
  {
    name: 'ENUM_QUEUES',
    request: ({ fixture }, buffer) => fixture.binding.enumQueues(buffer),
    structure: 'NDIS_RECEIVE_QUEUE_INFO_ARRAY',
    elements: element('NDIS_RECEIVE_QUEUE_INFO', 4),
    isInput: false,
  },
  {
    name: 'QUEUE_PARAMETERS (method)',
    request: ({ fixture, queues }, buffer) =>
      fixture.binding.queueParameters(queues.Running, buffer),
    structure: 'NDIS_RECEIVE_QUEUE_PARAMETERS',
    isInput: true,
  },
  {
    name: 'QUEUE_PARAMETERS (set)',
    request: ({ fixture, queues }, buffer) =>
      fixture.binding.setQueueParameters(queues.Running, RENAME, buffer),
    structure: 'NDIS_RECEIVE_QUEUE_PARAMETERS',
    isInput: true,
  },
  {
    name: 'SET_FILTER',
    request: ({ fixture, queues }, buffer) =>
      fixture.binding.setFilter(macFilter(queues.Running, macOf(77), 42), buffer),
    structure: 'NDIS_RECEIVE_FILTER_PARAMETERS',
    revision: 2,
    elements: element('NDIS_RECEIVE_FILTER_FIELD_PARAMETERS', 2),
    isInput: true,
  },
  {
    name: 'CLEAR_FILTER',
    request: ({ fixture, queues, filterOfRunning }, buffer) =>
      fixture.binding.clearFilter(queues.Running, filterOfRunning, buffer),
    structure: 'NDIS_RECEIVE_FILTER_CLEAR_PARAMETERS',
    isInput: true,
  },
  {
    name: 'ENUM_FILTERS',
    request: ({ fixture, queues }, buffer) => fixture.binding.enumFilters(queues.Running, buffer),
    structure: 'NDIS_RECEIVE_FILTER_INFO_ARRAY',
    elements: element('NDIS_RECEIVE_FILTER_INFO', 1),
    isInput: true,
  },
  {
    name: 'PARAMETERS',
    request: ({ fixture, filterOfRunning }, buffer) =>
      fixture.binding.filterParameters(filterOfRunning, buffer),
    structure: 'NDIS_RECEIVE_FILTER_PARAMETERS',
    elements: element('NDIS_RECEIVE_FILTER_FIELD_PARAMETERS', 1),
    isInput: true,
  },
  {
    name: 'QUEUE_ALLOCATION_COMPLETE',
    request: ({ fixture, queues }, buffer) =>
      fixture.binding.queueAllocationComplete([queues.Allocated, queues.Set], buffer),
    structure: 'NDIS_RECEIVE_QUEUE_ALLOCATION_COMPLETE_ARRAY',
    elements: element('NDIS_RECEIVE_QUEUE_ALLOCATION_COMPLETE_PARAMETERS', 2),
    isInput: true,
  },
  {
    name: 'CURRENT_CAPABILITIES',
    request: ({ fixture }, buffer) => fixture.binding.currentCapabilities(buffer),
    structure: 'NDIS_RECEIVE_FILTER_CAPABILITIES',
    isInput: false,
  },
];

function ownSize({ structure, revision }: Form): number {
  return sizeOfStructure(structure, revision ?? newestRevision(structure));
}

/** Bytes that the structure and its elements need. */
function bytesOf(form: Form): number {
  const { elements } = form;
  return (
    ownSize(form) +
    (elements
      ? elements.count * sizeOfStructure(elements.structure, newestRevision(elements.structure))
      : 0)
  );
}

/** Refused with this status, and nothing that can be seen has changed. */
async function expectUnchanged(
  lived: Lived,
  request: () => unknown,
  status: NdisStatus,
): Promise<NdisStatusError> {
  const before = wholeState(lived);
  const refusal = await refusalOf(request);
  expect(refusal.status).toBe(status);
  expect(wholeState(lived)).toEqual(before);
  return refusal;
}

describe('lengths', () => {
  it.each(FORMS)(
    '§9.1 rule 17, §9.4 rule 1: $name with a short buffer says how many bytes it needs',
    async (form) => {
      const lived = await anAdapterInUse();
      const needed = bytesOf(form);
      for (const length of [0, 3, ownSize(form) - 1, needed - 1]) {
        const send = () => form.request(lived, { length });
        const refusal = await expectUnchanged(lived, send, TOO_SHORT);
        expect(refusal.bytesNeeded).toBeGreaterThan(length);
        expect(refusal.bytesNeeded).toBeLessThanOrEqual(needed);
      }
      await expect(
        (async () => {
          await form.request(lived, { length: needed });
        })(),
      ).resolves.toBeUndefined();
    },
  );

  it('§3.8 rule 9: FREE_QUEUE with a short buffer is INVALID_LENGTH', async () => {
    const lived = await anAdapterInUse();
    const send = () => lived.fixture.binding.freeQueue(lived.queues.Paused, { length: 11 });
    expect((await expectUnchanged(lived, send, TOO_SHORT)).bytesNeeded).toBe(12);
  });

  it('§9.1 rule 17, §3.10 rule 4: a caller that asks again with the bytes needed is answered', async () => {
    const { fixture } = await anAdapterInUse();
    const refusal = await refusalOf(() => fixture.binding.enumQueues({ length: 0 }));
    expect(fixture.binding.enumQueues({ length: refusal.bytesNeeded ?? 0 })).toHaveLength(4);
  });
});

describe('headers', () => {
  it.each(FORMS.filter(({ isInput }) => isInput))(
    '§9.4 rule 2: $name with a wrong type, revision or size is refused',
    async (form) => {
      const lived = await anAdapterInUse();
      const length = bytesOf(form) + 4096;
      const newest = newestRevision(form.structure);
      const buffers: readonly (readonly [string, InformationBuffer])[] = [
        ['header.type', { length, type: 0 }],
        ['header.type', { length, type: 0x82 }],
        ['header.revision', { length, revision: 0 }],
        ['header.revision', { length, revision: newest + 1 }],
        ['header.revision', { length, revision: 1.5 }],
        ['header.size', { length, size: ownSize(form) - 1 }],
        ['header.size', { length, size: 0 }],
        ['header.size', { length, size: length + 1 }],
      ];
      for (const [field, buffer] of buffers) {
        const refusal = await expectUnchanged(lived, () => form.request(lived, buffer), INVALID);
        expect(refusal.field).toBe(field);
      }
    },
  );

  it('§3.5 rule 1, §4.2 rule 1: an older revision needs fewer bytes', async () => {
    const { fixture, queues } = await anAdapterInUse();
    const { binding } = fixture;
    const sizes = [1, 2, 3].map((revision) =>
      sizeOfStructure('NDIS_RECEIVE_QUEUE_PARAMETERS', revision),
    );
    expect(sizes).toEqual([1084, 1092, 1096]);
    await binding.freeQueue(queues.Allocated);
    const older = receiveQueueParameters({ ...onProcessor(1), revision: 1 });
    await expect(binding.allocateQueue(older, { length: 1084 })).resolves.toBeGreaterThan(0);
    const filter = { ...macFilter(queues.Running, macOf(70), null), revision: 1 as const };
    const length = sizeOfStructure('NDIS_RECEIVE_FILTER_PARAMETERS', 1) + 56;
    await expect(binding.setFilter(filter, { length })).resolves.toBeGreaterThan(0);
  });
});

describe('arrays', () => {
  it.each(FORMS.filter(({ name }) => ['SET_FILTER', 'QUEUE_ALLOCATION_COMPLETE'].includes(name)))(
    '§3.4 rule 11, §4.2 rule 6, §9.4 rules 1 and 2: $name with elements out of place is refused',
    async (form) => {
      const lived = await anAdapterInUse();
      const start = ownSize(form);
      const { structure, count } = form.elements ?? expect.fail();
      const size = sizeOfStructure(structure, 1);
      const length = start + count * size;
      const send = (buffer: InformationBuffer) => () => form.request(lived, buffer);
      for (const firstElementOffset of [0, start - 1, -1, start + 0.5]) {
        const refusal = await expectUnchanged(lived, send({ length, firstElementOffset }), INVALID);
        expect(refusal.field).toBe('firstElementOffset');
      }
      for (const elementSize of [0, size - 1, -size, Number.NaN]) {
        const refusal = await expectUnchanged(lived, send({ length, elementSize }), INVALID);
        expect(refusal.field).toBe('elementSize');
      }
      const far = { length, firstElementOffset: start + 8 };
      expect((await expectUnchanged(lived, send(far), TOO_SHORT)).bytesNeeded).toBe(length + 8);
      const long = { length, elementSize: size + 8 };
      expect((await expectUnchanged(lived, send(long), TOO_SHORT)).bytesNeeded).toBe(
        length + 8 * count,
      );
    },
  );

  it('§3.4 rule 12: elements longer than the engine knows are walked by their own size', async () => {
    const { fixture, queues } = await anAdapterInUse();
    const size = sizeOfStructure('NDIS_RECEIVE_QUEUE_ALLOCATION_COMPLETE_PARAMETERS', 1) + 24;
    const start = sizeOfStructure('NDIS_RECEIVE_QUEUE_ALLOCATION_COMPLETE_ARRAY', 1);
    const results = await fixture.binding.queueAllocationComplete([queues.Allocated, queues.Set], {
      length: start + 2 * size,
      elementSize: size,
    });
    expect(results.map(({ completionStatus }) => completionStatus)).toEqual([
      'NDIS_STATUS_SUCCESS',
      'NDIS_STATUS_SUCCESS',
    ]);
  });

  it('§4.2 rule 6: the offset of no tests is not looked at; the filter is refused for having none', async () => {
    const lived = await anAdapterInUse();
    const none = filterParameters(lived.queues.Running, []);
    const buffer = {
      length: sizeOfStructure('NDIS_RECEIVE_FILTER_PARAMETERS', 2),
      firstElementOffset: 0,
    };
    const send = () => lived.fixture.binding.setFilter(none, buffer);
    expect((await expectUnchanged(lived, send, INVALID)).field).toBe('tests');
  });
});

describe('ids', () => {
  const STRANGE = [-1, 63, 255, 256, 65_535, 65_536, 2 ** 32, 1.5, Number.NaN, Infinity];

  it.each(STRANGE)('§9.4 rule 3, §3.11 rule 1: no request takes queue %s', async (queueId) => {
    const lived = await anAdapterInUse();
    const { binding } = lived.fixture;
    const requests: readonly (() => unknown)[] = [
      () => binding.freeQueue(queueId),
      () => binding.queueParameters(queueId),
      () => binding.setQueueParameters(queueId, RENAME),
      () => binding.setFilter(macFilter(queueId, macOf(9), null)),
      () => binding.clearFilter(queueId, lived.filterOfRunning),
      () => binding.enumFilters(queueId),
    ];
    for (const request of requests) await expectUnchanged(lived, request, INVALID);
    const before = wholeState(lived);
    const [result] = await binding.queueAllocationComplete([queueId]);
    expect(result?.completionStatus).toBe(INVALID);
    expect(wholeState(lived)).toEqual(before);
  });

  it.each([0, ...STRANGE])(
    '§9.4 rule 5, §4.9 rule 2: no request takes filter %s',
    async (filterId) => {
      const lived = await anAdapterInUse();
      const { binding } = lived.fixture;
      const clear = () => binding.clearFilter(lived.queues.Running, filterId);
      await expectUnchanged(lived, clear, 'NDIS_STATUS_FILE_NOT_FOUND');
      await expectUnchanged(lived, () => binding.filterParameters(filterId), INVALID);
      await expectUnchanged(lived, () => binding.moveFilter(filterId), 'NDIS_STATUS_NOT_SUPPORTED');
    },
  );

  it('§9.4 rules 3 and 4, §4.7 rule 1: what exists is refused from the wrong hands, with the wrong partner and in the wrong state', async () => {
    const lived = await anAdapterInUse();
    const { fixture, stranger, queues, filterOfRunning, filterOfDefault } = lived;
    const { binding } = fixture;
    const requests: readonly (() => unknown)[] = [
      () => stranger.freeQueue(queues.Paused),
      () => stranger.setQueueParameters(queues.Running, RENAME),
      () => stranger.setFilter(macFilter(queues.Paused, macOf(9), null)),
      () => stranger.clearFilter(queues.Running, filterOfRunning),
      () => stranger.clearFilter(0, filterOfDefault),
      () => binding.clearFilter(queues.Paused, filterOfRunning),
      () => binding.clearFilter(0, filterOfRunning),
      () => binding.freeQueue(0),
      () => binding.freeQueue(queues.Running),
      () => binding.freeQueue(queues.Set),
      () => binding.setQueueParameters(0, RENAME),
      () => binding.queueAllocationComplete([]),
      () => binding.close(),
    ];
    for (const request of requests) await expectUnchanged(lived, request, INVALID);
  });
});

describe('contradictory and foreign tests of a filter', () => {
  const mac = macTest(macOf(9));
  const bad: readonly (readonly [string, readonly FieldTest[]])[] = [
    ['no test', []],
    ['VLAN alone', [vlanTest(7)]],
    ['VLAN and UNTAGGED_OR_ZERO on the MAC test', [macTest(macOf(9), 1), vlanTest(7)]],
    ['VLAN and UNTAGGED_OR_ZERO on the VLAN test', [mac, vlanTest(7, 1)]],
    ['the same field twice', [mac, macTest(macOf(9))]],
    ['two addresses', [mac, macTest(macOf(8))]],
    ['two VLANs', [mac, vlanTest(7), vlanTest(8)]],
    ['VLAN 0', [mac, vlanTest(0)]],
    ['VLAN 4095', [mac, vlanTest(4095)]],
    ['a VLAN as text', [mac, { ...vlanTest(7), fieldValue: '7' }]],
    ['an address as a number', [{ ...mac, fieldValue: 7 }]],
    ['a multicast address', [macTest('01:00:5e:00:00:01')]],
    ['broadcast', [macTest('ff:ff:ff:ff:ff:ff')]],
    ['the zero address', [macTest('00:00:00:00:00:00')]],
    ['half an address', [macTest('02:00:5e')]],
    ['the source address', [mac, { ...mac, headerField: 2 }]],
    ['the priority', [mac, { ...vlanTest(7), headerField: 5 }]],
    ['the packet type', [{ ...mac, headerField: 6 }]],
    ['an undefined field', [{ ...mac, headerField: 0 }]],
    ['the IPv4 header', [{ ...mac, frameHeader: 3 }]],
    ['an unknown header', [{ ...mac, frameHeader: 9 }]],
    ['mask equal', [{ ...mac, receiveFilterTest: 2 }]],
    ['not equal', [{ ...mac, receiveFilterTest: 3 }]],
    ['an undefined test', [{ ...mac, receiveFilterTest: 0 }]],
    ['an unknown flag', [{ ...mac, flags: 2 }]],
    ['a negative flag', [{ ...mac, flags: -1 }]],
  ];

  it.each(bad)(
    '§4.4 rules 4, 5 and 9, §4.1 rules 6 and 7, §4.3 rules 1 to 5: %s',
    async (_what, tests) => {
      const lived = await anAdapterInUse();
      const request = () =>
        lived.fixture.binding.setFilter(filterParameters(lived.queues.Running, tests));
      await expectUnchanged(lived, request, INVALID);
    },
  );
});

describe('anything at all', () => {
  const DOCUMENTED: readonly NdisStatus[] = [
    ...([INVALID, TOO_SHORT] as const),
    ...(['NDIS_STATUS_RESOURCES', 'NDIS_STATUS_NOT_SUPPORTED'] as const),
    'NDIS_STATUS_FILE_NOT_FOUND',
  ];
  const number = fc.oneof(
    fc.integer({ min: -2, max: 9 }),
    fc.constantFrom(2 ** 16, 2 ** 31, 2 ** 32, 0xffff_0000, 0.5, Number.NaN, Infinity, -Infinity),
    fc.integer(),
  );
  const buffer = fc.option(
    fc.record(
      {
        length: number,
        type: fc.oneof(fc.constant(0x80), number),
        revision: number,
        size: number,
        firstElementOffset: number,
        elementSize: number,
      },
      { requiredKeys: [] },
    ),
    { nil: undefined },
  );
  const text = fc.oneof(fc.string(), fc.constant('x'.repeat(300)), fc.constant(macOf(7)));
  const affinity = fc.record({ group: number, mask: fc.bigInt({ min: -2n, max: 1n << 66n }) });
  const parameters = fc.record(
    {
      revision: number,
      flags: number,
      queueType: number,
      queueId: number,
      queueGroupId: number,
      processorAffinity: affinity,
      numSuggestedReceiveBuffers: number,
      msixTableEntry: number,
      lookaheadSize: number,
      vmName: text,
      queueName: text,
      portId: number,
      interruptCoalescingDomainId: number,
      qosSqId: number,
    },
    { requiredKeys: [] },
  );
  const test = fc.record({
    flags: fc.oneof(fc.constant(0), number),
    frameHeader: fc.oneof(fc.constant(1), number),
    receiveFilterTest: fc.oneof(fc.constant(1), number),
    headerField: fc.oneof(fc.constantFrom(1, 4), number),
    fieldValue: fc.oneof(text, number),
  });
  const filter = fc.record(
    {
      revision: number,
      flags: number,
      filterType: number,
      queueId: number,
      filterId: number,
      tests: fc.array(test, { maxLength: 3 }),
      requestedFilterIdBitCount: number,
      maxCoalescingDelay: number,
      vPortId: number,
    },
    { requiredKeys: [] },
  );

  it('§9.4 rules 1 to 8, A.3, A.14: is accepted, or refused with a documented status and without effect', async () => {
    const input = fc.record({ parameters, filter, buffer, ids: fc.tuple(number, number) });
    const property = fc.asyncProperty(
      input,
      async ({ parameters: queue, filter: rule, buffer: claim, ids }) => {
        const lived = await anAdapterInUse();
        const { binding } = lived.fixture;
        const [one, other] = ids;
        // What crosses from outside is not what the types say.
        const asQueue = Object.assign(onProcessor(1), queue);
        const asFilter = Object.assign(macFilter(lived.queues.Running, macOf(9), null), rule);
        const requests: readonly (() => unknown)[] = [
          () => binding.setQueueParameters(lived.queues.Running, asQueue, claim),
          () => binding.setFilter(asFilter, claim),
          () => binding.clearFilter(one, other, claim),
          () => binding.queueParameters(one, claim),
          () => binding.enumFilters(one, claim),
          () => binding.enumQueues(claim),
          () => binding.filterParameters(one, claim),
          () => binding.globalParameters(claim),
          () => binding.currentCapabilities(claim),
          () => binding.queueAllocationComplete(ids, claim),
          () => binding.freeQueue(one, claim),
          () => binding.allocateQueue(asQueue, claim),
        ];
        for (const request of requests) {
          const before = wholeState(lived);
          try {
            await request();
          } catch (error) {
            if (!(error instanceof NdisStatusError)) throw error;
            expect(DOCUMENTED).toContain(error.status);
            expect(wholeState(lived)).toEqual(before);
          }
        }
      },
    );
    const seed = announcedSeed('malformed input');
    await fc.assert(property, { seed, numRuns: withEffort(60) });
  }, 120_000);
});
