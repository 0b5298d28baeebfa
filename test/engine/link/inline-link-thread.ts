/** The link thread on the test's own thread: its links, its port and its protocol are the real ones. */
import { EventEmitter } from 'node:events';
import type { Worker, WorkerOptions } from 'node:worker_threads';

import { runLinkThread } from '../../../src/engine/link/link-thread';
import type { CreateWorker } from '../../../src/engine/thread/engine-thread';
import type { ThreadStart } from '../../../src/engine/thread/protocol';

class InlineWorker extends EventEmitter {
  readonly #start: ThreadStart;

  constructor(start: ThreadStart) {
    super();
    this.#start = start;
    start.control.on('close', () => this.emit('exit', 0));
    runLinkThread(start);
  }

  terminate(): Promise<number> {
    this.#start.control.close();
    return Promise.resolve(1);
  }
}

export const createInlineLinkThread: CreateWorker = (options?: WorkerOptions) =>
  new InlineWorker(options?.workerData as ThreadStart) as unknown as Worker;
