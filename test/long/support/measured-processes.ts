/**
 * Engine processes that say how much they have: memory after a collection, threads, open files. Linux
 * only: it reads `/proc`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Writable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { NodeSpawner } from '../../../src/lab/process/node-spawner';
import type { ProcessKind, SpawnedProcess, Spawner } from '../../../src/lab/process/spawner';

const ENTRY = resolve('test/long/support/measured-process.cjs');
const ANSWER_MS = 10_000;

/** What one process has. Heap and external memory are those of its main thread. */
export interface Measure {
  /** Physical memory of the whole process, shared pages included. */
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly externalBytes: number;
  readonly threads: number;
  readonly files: number;
  /** What keeps its event loop alive, timers left out: sockets, servers, ports, pipes. */
  readonly resources: number;
}

interface OwnWords {
  readonly pid: number;
  readonly heapUsed: number;
  readonly external: number;
  readonly resources: readonly string[];
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Starts engine processes with plain Node, and measures the latest of each name. */
export class MeasuredProcesses implements Spawner {
  readonly #spawner: NodeSpawner;
  readonly #latest = new Map<string, SpawnedProcess>();
  readonly #asked = new Map<number, (words: OwnWords) => void>();
  #unread = '';

  constructor() {
    const errorOutput = new Writable({
      decodeStrings: false,
      write: (text: string, _encoding, done) => {
        this.#read(text);
        done();
      },
    });
    this.#spawner = new NodeSpawner(ENTRY, { errorOutput });
  }

  spawn(kind: ProcessKind, name: string): SpawnedProcess {
    const process = this.#spawner.spawn(kind, name);
    this.#latest.set(name, process);
    return process;
  }

  /** All processes of the lab by name, `lab` being this one. */
  async measureAll(): Promise<Record<string, Measure>> {
    const measured: Record<string, Measure> = { lab: measureOwn() };
    for (const [name, { pid }] of this.#latest)
      if (pid !== undefined) measured[name] = measureOf(await this.#ask(pid));
    return measured;
  }

  #ask(pid: number): Promise<OwnWords> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`process ${pid} does not say what it has`)),
        ANSWER_MS,
      );
      this.#asked.set(pid, (words) => {
        clearTimeout(timer);
        this.#asked.delete(pid);
        resolve(words);
      });
      process.kill(pid, 'SIGUSR2');
    });
  }

  /** Lines that are no measures are the processes' logs. */
  #read(text: string): void {
    const lines = (this.#unread + text).split('\n');
    this.#unread = lines.pop() ?? '';
    for (const line of lines) {
      if (!line.startsWith('{"measured"')) {
        console.warn(line);
        continue;
      }
      const { measured } = JSON.parse(line) as { measured: OwnWords };
      this.#asked.get(measured.pid)?.(measured);
    }
  }
}

function measureOwn(): Measure {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  const resources = process.getActiveResourcesInfo();
  return measureOf({ pid: process.pid, heapUsed, external, resources });
}

function measureOf({ pid, heapUsed, external, resources }: OwnWords): Measure {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return {
    residentBytes: 1024 * Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]),
    heapBytes: heapUsed,
    externalBytes: external,
    threads: readdirSync(`/proc/${pid}/task`).length,
    files: readdirSync(`/proc/${pid}/fd`).length,
    resources: resources.filter((name) => name !== 'Timeout' && name !== 'Immediate').length,
  };
}
