/**
 * An engine thread as the control thread sees it: its block, its worker, and requests to it. A
 * thread that ends without being told to is reported once; what waited for it is rejected.
 */
import {
  MessageChannel,
  type MessagePort,
  type Worker,
  type WorkerOptions,
} from 'node:worker_threads';
import type { ThreadRole } from '../../contract/telemetry';
import { T_DOORBELL, T_SLEEPING, T_WAKE } from '../kernel/layout';
import type { MemoryViews } from '../memory/host-memory';
import type { FromThread, ThreadRequest, ThreadStart, ToThread } from './protocol';

/** Starts a worker on the engine's thread entry; injected, because only the bundle knows the file. */
export type CreateWorker = (options?: WorkerOptions) => Worker;

export interface ThreadPlace {
  readonly index: number;
  readonly role: ThreadRole;
  readonly name: string;
  readonly thread: number;
  readonly block: number;
  readonly processor: number;
}

interface Pending {
  resolve(result: unknown): void;
  reject(cause: Error): void;
}

export class EngineThread {
  readonly index: number;
  readonly role: ThreadRole;
  readonly thread: number;
  name: string;
  processor: number;
  /** The system's thread id, -1 where unknown. */
  threadId = -1;
  pinned = false;
  affinityReason = '';
  onLinkEvent: (event: unknown) => void = () => undefined;

  readonly #views: MemoryViews;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #pending = new Map<number, Pending>();
  readonly #notices = new Set<(died: boolean) => void>();
  readonly #ready: Promise<void>;
  readonly #exited: Promise<void>;
  #nextId = 1;
  #stopping = false;
  #ended = false;

  constructor(
    place: ThreadPlace,
    views: MemoryViews,
    module: WebAssembly.Module,
    createWorker: CreateWorker,
    onDeath: (cause: string) => void,
  ) {
    this.index = place.index;
    this.role = place.role;
    this.name = place.name;
    this.thread = place.thread;
    this.processor = place.processor;
    this.#views = views;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const start: ThreadStart = { ...place, memory: views.memory, module, control: port2 };
    this.#worker = createWorker({
      name: place.name,
      workerData: start,
      transferList: [port2],
      stdout: false,
      stderr: false,
    });
    let cause = 'it ended';
    this.#worker.on('error', (error) => {
      cause = error instanceof Error ? error.message : String(error);
    });
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#end(cause);
        resolve();
        if (!this.#stopping) onDeath(cause);
      });
    });
    this.#ready = new Promise((resolve, reject) => {
      this.#pending.set(0, {
        resolve: () => {
          resolve();
        },
        reject,
      });
    });
    this.#port.on('message', (message: FromThread) => {
      this.#receive(message);
    });
  }

  /** Settles when the thread runs. */
  ready(): Promise<void> {
    return this.#ready;
  }

  get isAlive(): boolean {
    return !this.#ended;
  }

  /** Requests that it has not answered yet. */
  get unanswered(): number {
    return this.#pending.size;
  }

  /** Asks the thread; answered between two of its turns. Rejects when the thread dies first. */
  request(request: ThreadRequest): Promise<unknown> {
    if (this.#ended) return Promise.reject(new Error(`thread ${this.name} is not running`));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#post({ kind: 'request', id, request });
    });
  }

  /** Calls `listener` after each notice, and with true when the thread dies. Returns how to stop that. */
  onNotices(listener: (died: boolean) => void): () => void {
    this.#notices.add(listener);
    return () => void this.#notices.delete(listener);
  }

  /** Ends the thread in order. */
  async stop(): Promise<void> {
    if (this.#ended) return;
    this.#stopping = true;
    this.#post({ kind: 'stop' });
    const timer = setTimeout(() => void this.#worker.terminate(), 2000);
    await this.#exited;
    clearTimeout(timer);
  }

  /** Ends the thread at once, as a crash would: nothing is flushed, and its death is reported. */
  async kill(): Promise<void> {
    await this.#worker.terminate();
    await this.#exited;
  }

  #post(message: ToThread): void {
    this.#port.postMessage(message);
    // Pairs with the loop: the message is in the port before the counter rises.
    Atomics.add(this.#views.i32, (this.thread + T_DOORBELL) >>> 2, 1);
    const { i32 } = this.#views;
    if (Atomics.compareExchange(i32, (this.thread + T_SLEEPING) >>> 2, 1, 0) === 1) {
      Atomics.add(i32, (this.thread + T_WAKE) >>> 2, 1);
      Atomics.notify(i32, (this.thread + T_WAKE) >>> 2, 1);
    }
  }

  #receive(message: FromThread): void {
    switch (message.kind) {
      case 'ready':
        this.threadId = message.threadId;
        this.pinned = message.pinned;
        this.affinityReason = message.affinityReason;
        this.#take(0)?.resolve(undefined);
        return;
      case 'answer':
        this.#take(message.id)?.resolve(message.result);
        return;
      case 'refused':
        this.#take(message.id)?.reject(new Error(message.message));
        return;
      case 'notice':
        for (const listener of [...this.#notices]) listener(false);
        return;
      case 'link-event':
        this.onLinkEvent(message.event);
        return;
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #end(cause: string): void {
    this.#ended = true;
    this.#port.close();
    for (const pending of this.#pending.values())
      pending.reject(new Error(`thread ${this.name} ended: ${cause}`));
    this.#pending.clear();
    for (const listener of [...this.#notices]) listener(true);
  }
}
