/** Builds a host: memory, threads and adapters, everything started and idle. Control thread. */
import { cpus } from 'node:os';
import type { HostConfig } from '../../contract/model';
import { QueueThreads } from '../adapter/queue-threads';
import { THREAD_SIZE } from '../kernel/layout';
import { LinkControl } from '../link/link-control';
import { HostMemory } from '../memory/host-memory';
import { monotonicClock } from '../thread/clock';
import type { CreateWorker, EngineThread } from '../thread/engine-thread';
import { compileKernel, instantiateKernel } from '../thread/kernel';
import { ThreadTable } from '../thread/thread-table';
import type { EventLog } from './event-log';
import { HostAdapter } from './host-adapter';
import type { HostParts } from './host-parts';
import { QueueTransitions } from './queue-transitions';
import { TrapAddresses } from './trap-addresses';

export interface HostRendezvous {
  readonly fabricSocket: string;
  readonly socketFolder: string;
}

/** @throws RefusalError `host-memory-exhausted`, `thread-failed` */
export async function buildParts(
  config: HostConfig,
  rendezvous: HostRendezvous,
  createWorker: CreateWorker,
  log: EventLog,
): Promise<HostParts> {
  const memory = new HostMemory(config.memoryMiB);
  const module = await compileKernel();
  const kernel = instantiateKernel(module, memory.memory);
  const threads = new ThreadTable(memory, module, createWorker);
  const queueThreads = new QueueThreads(memory, threads);
  const processors = cpus().map((_, index) => index);
  const adapterParts = { memory, kernel, threads, queueThreads };
  const adapters = config.adapters.map(
    (adapter, index) => new HostAdapter(index, adapter, adapterParts, processors),
  );
  for (const adapter of adapters) {
    const first = adapter.index % processors.length;
    await adapter.hardware.start({
      adapter: first,
      defaultQueue: (first + 1) % processors.length,
    });
  }
  const vcpus: EngineThread[] = [];
  for (const processor of processors)
    vcpus.push(await threads.start({ role: 'vcpu', name: `vCPU thread ${processor}`, processor }));
  const linkThread = await threads.start({ role: 'link', name: 'link thread' });
  return {
    config,
    memory,
    kernel,
    clock: monotonicClock(),
    threads,
    queueThreads,
    adapters,
    vcpus,
    vms: new Map(),
    ownBlock: memory.take(THREAD_SIZE, 'A counter block'),
    links: new LinkControl(memory, linkThread),
    log,
    transitions: new QueueTransitions(),
    trapAddresses: new TrapAddresses(),
    socketFolder: rendezvous.socketFolder,
  };
}
