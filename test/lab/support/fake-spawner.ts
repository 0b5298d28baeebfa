/** Spawns fake engine processes and remembers them, so that tests find them by name. */
import type { ProcessKind, Spawner } from '../../../src/lab/process/spawner';
import { FakeEngineProcess, type Fault } from './fake-engine-process';

export class FakeSpawner implements Spawner {
  readonly all: FakeEngineProcess[] = [];
  readonly #faults = new Map<string, Map<string, Fault>>();

  spawn(kind: ProcessKind, name: string): FakeEngineProcess {
    const process = new FakeEngineProcess(kind, name, this.#faultsOf(name));
    this.all.push(process);
    return process;
  }

  /** Every process of this name, now and later, meets `fault` when `command` arrives; none lifts it. */
  onCommand(name: string, command: string, fault?: Fault): void {
    if (fault === undefined) this.#faultsOf(name).delete(command);
    else this.#faultsOf(name).set(command, fault);
  }

  /** As `onCommand`, for the first arrival only. */
  onFirst(name: string, command: string, fault: Fault): void {
    this.onCommand(name, command, async (process) => {
      this.onCommand(name, command);
      await fault(process);
    });
  }

  /** The latest process of this name. */
  latest(name: string): FakeEngineProcess {
    const found = this.all.filter((process) => process.name === name).at(-1);
    if (found === undefined) throw new Error(`no process "${name}" was started`);
    return found;
  }

  get living(): FakeEngineProcess[] {
    return this.all.filter((process) => process.isAlive);
  }

  #faultsOf(name: string): Map<string, Fault> {
    const faults = this.#faults.get(name) ?? new Map<string, Fault>();
    this.#faults.set(name, faults);
    return faults;
  }
}
