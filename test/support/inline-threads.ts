/**
 * Engine threads without workers: each "worker" is a role driven by the test, turn by turn, on the
 * test's own thread. The kernels, the memory and the requests are the real ones; only the
 * scheduling is the test's, so that every interleaving of turns can be had at will.
 */
import { EventEmitter } from 'node:events';
import type { Worker, WorkerOptions } from 'node:worker_threads';
import { setFilterTable } from '../../src/engine/adapter/filter-table';
import { MemoryViews } from '../../src/engine/memory/host-memory';
import type { CreateWorker } from '../../src/engine/thread/engine-thread';
import { instantiateKernel, type Kernel } from '../../src/engine/thread/kernel';
import { areRead, type KernelRole } from '../../src/engine/thread/kernel-loop';
import type { FromThread, ThreadStart, ToThread } from '../../src/engine/thread/protocol';
import { adapterRole, fabricRole, serveRole, vcpuRole } from '../../src/engine/thread/roles';

class InlineThread extends EventEmitter {
  readonly start: ThreadStart;
  readonly #role: KernelRole;
  readonly #views: MemoryViews;
  /** Requests that came since its last turn: a thread looks at them before it takes the next. */
  readonly #asked: Extract<ToThread, { kind: 'request' }>[] = [];
  #waiting: { id: number; condition: () => boolean }[] = [];
  isAlive = true;

  constructor(start: ThreadStart) {
    super();
    this.start = start;
    this.#views = new MemoryViews(start.memory);
    const kernel = instantiateKernel(start.module, start.memory);
    this.#role = roleOf(start, kernel, this.#views);
    start.control.on('message', (message: ToThread) => {
      if (message.kind === 'stop') this.#end();
      else this.#asked.push(message);
    });
    this.#post({ kind: 'ready', threadId: -1, pinned: false, affinityReason: 'inline' });
  }

  /** Requests that wait for its next turn. */
  get requests(): number {
    return this.#asked.length;
  }

  /** One turn; returns what it moved. */
  turn(now: number): number {
    if (!this.isAlive) return 0;
    for (const { id, request } of this.#asked.splice(0)) this.#request(id, request);
    const moved = this.#role.turn(now);
    const done = this.#waiting.filter(({ condition }) => condition());
    this.#waiting = this.#waiting.filter((entry) => !done.includes(entry));
    for (const { id } of done) this.#post({ kind: 'answer', id, result: true });
    this.#post({ kind: 'notice' });
    return moved;
  }

  terminate(): Promise<number> {
    this.#end();
    return Promise.resolve(1);
  }

  #request(id: number, request: Parameters<KernelRole['handle']>[0]): void {
    if (request.kind === 'sync') {
      this.#waiting.push({ id, condition: () => true });
      return;
    }
    const outcome =
      request.kind === 'pin'
        ? true
        : request.kind === 'drained'
          ? () => areRead(this.#views, request.rings)
          : this.#role.handle(request);
    if (outcome === undefined) this.#post({ kind: 'refused', id, message: request.kind });
    else if (outcome === true || outcome()) this.#post({ kind: 'answer', id, result: true });
    else this.#waiting.push({ id, condition: outcome });
  }

  #post(message: FromThread): void {
    this.start.control.postMessage(message);
  }

  #end(): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.start.control.close();
    this.emit('exit', 1);
  }
}

function roleOf(start: ThreadStart, kernel: Kernel, views: MemoryViews): KernelRole {
  switch (start.role) {
    case 'adapter':
      return adapterRole(start, kernel, views, setFilterTable);
    case 'queue':
      return serveRole(start, kernel, views);
    case 'vcpu':
      return vcpuRole(start, kernel, views);
    case 'fabric':
      return fabricRole(start, kernel);
    default:
      throw new Error(`a ${start.role} thread cannot run inline`);
  }
}

export class InlineThreads {
  readonly #threads: InlineThread[] = [];
  /** The test's clock, in ns; it advances with each round of turns. */
  nowNs = 1e9;

  readonly createWorker: CreateWorker = (options?: WorkerOptions) => {
    const thread = new InlineThread(options?.workerData as ThreadStart);
    this.#threads.push(thread);
    return thread as unknown as Worker;
  };

  /** One turn of each thread of these roles (all when left out), in an order of the caller's. */
  round(
    order: (threads: InlineThread[]) => InlineThread[] = (threads) => threads,
    stepNs = 10_000,
  ): number {
    this.nowNs += stepNs;
    return order([...this.#threads]).reduce((moved, thread) => moved + thread.turn(this.nowNs), 0);
  }

  /** Runs rounds until `work` has settled, and nothing moves any more. */
  async drive<Result>(
    work: Promise<Result>,
    order?: (threads: InlineThread[]) => InlineThread[],
  ): Promise<Result> {
    const box: { outcome?: { ok: true; value: Result } | { ok: false; error: unknown } } = {};
    work.then(
      (value) => {
        box.outcome = { ok: true, value };
      },
      (error: unknown) => {
        box.outcome = { ok: false, error };
      },
    );
    for (let i = 0; i < 20_000 && !box.outcome; i++) {
      this.round(order);
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (!box.outcome) throw new Error('the work did not settle within 20,000 rounds');
    if (!box.outcome.ok) throw box.outcome.error;
    return box.outcome.value;
  }

  /** Rounds until nothing moves for a while. */
  settle(): void {
    for (let idle = 0, i = 0; idle < 3 && i < 100_000; i++)
      idle = this.round() === 0 ? idle + 1 : 0;
  }
}
