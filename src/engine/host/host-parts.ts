/** What the parts of a host share. Made once, when the host opens; control thread. */
import type { HostConfig } from '../../contract/model';
import { T_COUNTERS } from '../kernel/layout';
import type { HostMemory } from '../memory/host-memory';
import type { LinkControl } from '../link/link-control';
import type { QueueThreads } from '../adapter/queue-threads';
import type { Clock } from '../thread/clock';
import type { EngineThread } from '../thread/engine-thread';
import type { Kernel } from '../thread/kernel';
import type { ThreadTable } from '../thread/thread-table';
import type { VirtualMachine } from '../vm/virtual-machine';
import { RefusalError } from '../../shared/refusal-error';
import type { EventLog } from './event-log';
import type { HostAdapter } from './host-adapter';
import type { QueueTransitions } from './queue-transitions';
import type { TrapAddresses } from './trap-addresses';

export interface HostParts {
  readonly config: HostConfig;
  readonly memory: HostMemory;
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly threads: ThreadTable;
  readonly queueThreads: QueueThreads;
  readonly adapters: readonly HostAdapter[];
  readonly vcpus: readonly EngineThread[];
  readonly vms: Map<string, VirtualMachine>;
  /** A counter block of the control thread's own. */
  readonly ownBlock: number;
  readonly links: LinkControl;
  readonly log: EventLog;
  readonly transitions: QueueTransitions;
  readonly trapAddresses: TrapAddresses;
  readonly socketFolder: string;
}

/** Adds to a counter (CT_*) of the control thread's own. */
export function countOwn({ memory, ownBlock }: HostParts, counter: number, amount: number): void {
  const at = ownBlock + T_COUNTERS + counter * 8;
  memory.setCounter(at, memory.getCounter(at) + amount);
}

export function requireVm(parts: HostParts, vmId: string): VirtualMachine {
  const vm = parts.vms.get(vmId);
  if (vm) return vm;
  throw new RefusalError({
    code: 'not-found',
    what: `VM ${vmId} does not exist on ${parts.config.name}.`,
    why: 'No VM has that id there.',
    remedy: '',
  });
}

/** The adapter that a NIC names. */
export function requireAdapter(parts: HostParts, name: string): HostAdapter {
  const adapter = parts.adapters.find((candidate) => candidate.config.name === name);
  if (adapter) return adapter;
  throw new RefusalError({
    code: 'not-found',
    what: `${parts.config.name} has no adapter ${name}.`,
    why: `Its adapters are ${parts.adapters.map((candidate) => candidate.config.name).join(', ')}.`,
    remedy: 'Connect the NIC to one of these.',
  });
}
