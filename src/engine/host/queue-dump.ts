/**
 * One queue as text, for bug reports: what a debugger shows of a receive queue
 * (`docs/vmq-reference.md` §10.4), and how it came to its state. Control thread.
 */
import { formatLatency, summariseLatency } from '../../shared/latency-histogram';
import { RefusalError } from '../../shared/refusal-error';
import { namesOf } from '../ndis/capability-fields';
import { formatAffinity, processorsOf } from '../ndis/group-affinity';
import { QUEUE_PARAMETER_FLAGS, type ReceiveQueueParameters } from '../ndis/queue-parameters';
import { operationalState } from '../ndis/queue-state';
import type { ReceiveFilter } from '../ndis/receive-filter';
import type { QueueLatency } from '../adapter/queue-block';
import type { HostAdapter } from './host-adapter';

const LABEL_WIDTH = 20;
const TRANSITIONS = 32;

/** @throws RefusalError `not-found` for a queue that never was, or is forgotten. */
export function dumpQueue(adapter: HostAdapter, queueId: number): string {
  const { name } = adapter.config;
  const parameters = adapter.ndis.parametersOf(queueId);
  if (!parameters)
    throw new RefusalError({
      code: 'not-found',
      what: `Queue ${queueId} of ${name} cannot be shown.`,
      why: 'No queue has that id, and none that was freed lately had it.',
      remedy: 'Choose a queue of the list.',
      field: 'queueId',
    });
  const state = adapter.ndis.queueState(queueId);
  return [
    `Receive queue ${queueId} of ${name}`,
    line('State', `${state}, reported as ${operationalState(state)}`),
    ...parameterLines(adapter, queueId, parameters),
    ...bufferLines(adapter, queueId),
    ...section(
      'Filters',
      adapter.ndis.filters(queueId).map((filter) => `${filter.filterId}: ${filterText(filter)}`),
    ),
    ...section('Transitions', transitionLines(adapter, queueId)),
    '',
  ].join('\n');
}

function parameterLines(
  adapter: HostAdapter,
  queueId: number,
  parameters: ReceiveQueueParameters,
): string[] {
  const { processorAffinity, msixTableEntry, interruptCoalescingDomainId, flags } = parameters;
  const names = namesOf(flags, QUEUE_PARAMETER_FLAGS).join(' | ') || 'none';
  const processors = processorsOf(processorAffinity).join(', ');
  const domain =
    interruptCoalescingDomainId === 0 ? 'not shared' : `domain ${interruptCoalescingDomainId}`;
  return [
    line('Type', queueId === 0 ? 'default queue' : `VM queue (${parameters.queueType})`),
    line('Flags', `0x${flags.toString(16)} (${names})`),
    line('Owner', adapter.ndis.ownerOf(queueId) ?? 'nobody'),
    line('VM', parameters.vmName || '–'),
    line('Name', parameters.queueName || '–'),
    line('Port', parameters.portId === 0 ? '–' : String(parameters.portId)),
    line('Affinity', `${formatAffinity(processorAffinity)} (processor ${processors})`),
    line('MSI-X entry', `${msixTableEntry}, ${domain}`),
    line('Lookahead', `${parameters.lookaheadSize} bytes`),
    line('Suggested buffers', String(parameters.numSuggestedReceiveBuffers)),
  ];
}

function bufferLines(adapter: HostAdapter, queueId: number): string[] {
  const isDefault = queueId === 0;
  const block = isDefault ? adapter.hardware.defaultQueue : adapter.miniport.blockOf(queueId);
  const thread = isDefault ? adapter.hardware.defaultThread : adapter.miniport.threadOf(queueId);
  if (!block || !thread) return [line('Memory', 'given back')];
  const mode = isDefault ? 'host-buffers' : (adapter.miniport.modeOf(queueId) ?? 'host-buffers');
  const { frames, bytes, dropped, indications, interrupts } = block.counters();
  const holders = isDefault ? [] : adapter.miniport.holdersOf(queueId);
  const held = holders.reduce((sum, { buffers }) => sum + buffers, 0);
  const completed = block.pendingFrames();
  return [
    line('Thread', `${thread.index} "${thread.name}" on processor ${thread.processor}`),
    line('Buffer memory', mode === 'shared-memory' ? 'the memory of the VM' : 'host memory'),
    ...adapter.miniport
      .sharedMemoryOf(queueId)
      .map(({ usage, lengthBytes, provider, sharedMemoryHandle }) =>
        line('', `${usage}: ${lengthBytes} bytes of the ${provider}, handle ${sharedMemoryHandle}`),
      ),
    line('References', String(completed + held)),
    line('Buffers', `${block.postedBuffers()} posted, ${completed} filled and not indicated`),
    ...poolLines(adapter, queueId),
    ...holders.map(({ holder, buffers }) => line('', `${buffers} held by ${holder}`)),
    line(
      'Counted',
      `${frames} frames, ${bytes} bytes, ${dropped} dropped, ${indications} indications, ${interrupts} interrupts`,
    ),
    line('Latency', latencyText(block.latency())),
  ];
}

/** From wire memory to the used index. */
function latencyText({ buckets, longestNs }: QueueLatency): string {
  const summary = summariseLatency(buckets, longestNs);
  if (!summary) return 'nothing measured';
  const { p50, p90, p99, p999, max } = summary;
  const percentiles = Object.entries({ p50, p90, p99, 'p99.9': p999 })
    .map(([name, value]) => `${name} ${formatLatency(value)}`)
    .join(', ');
  return `${percentiles}, longest ${formatLatency(max)}; ${summary.samples} frames, each as the oldest of its indication`;
}

/** The account of the pool, when the queue's buffers are of one. */
function poolLines(adapter: HostAdapter, queueId: number): string[] {
  const account = adapter.miniport.bufferAccountOf(queueId);
  if (!account) return [];
  const { total, free, inDma, outstanding } = account;
  return [
    line(
      'Pool',
      `${total} = ${free} free + ${inDma} with the adapter + ${outstanding} outstanding`,
    ),
  ];
}

function filterText({ mac, vlan, stripsTag }: ReceiveFilter): string {
  const match =
    vlan === 'any'
      ? 'in any VLAN'
      : vlan === 'untagged-or-zero'
        ? 'untagged or VLAN 0'
        : `VLAN ${vlan}`;
  return `${mac}, ${match}${stripsTag ? ', tag stripped' : ''}`;
}

function transitionLines(adapter: HostAdapter, queueId: number): string[] {
  return adapter.ndis
    .queueHistory(queueId)
    .slice(-TRANSITIONS)
    .map(
      ({ timeMs, event, from, to }) =>
        `${new Date(timeMs).toISOString()}  ${event}: ${from} → ${to}`,
    );
}

function section(title: string, lines: readonly string[]): string[] {
  return [`${title} (${lines.length})`, ...lines.map((text) => `  ${text}`)];
}

function line(label: string, value: string): string {
  return `  ${label.padEnd(LABEL_WIDTH)}${value}`;
}
