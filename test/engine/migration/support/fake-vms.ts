/** The VM on either side, with a guest that is a function of the test. */
import { PAGE_SIZE } from '../../../../src/engine/kernel/layout';
import type { DeviceState } from '../../../../src/engine/migration/device-state';
import type {
  IncomingVm,
  LateFrames,
  OutgoingVm,
} from '../../../../src/engine/migration/endpoints';
import { makeRandom, type FakeHost } from './fake-host';

export const VM_ID = 'vm-1';

const A_QUEUE = { size: 128, descriptors: 0x4000, avail: 0x5000, used: 0x6000 };
export const A_DEVICE_STATE: DeviceState = {
  nics: [
    {
      receive: { ...A_QUEUE, lastAvail: 65_535, usedNext: 7 },
      transmit: { ...A_QUEUE, lastAvail: 12, usedNext: 12 },
      receiveSpares: [3, 5],
      marker: '06:4d:4b:00:00:01',
    },
  ],
};

export type OutgoingStep =
  'prepareGap' | 'clearFilters' | 'stopDma' | 'startDirtyLog' | 'stopGuest' | 'deviceState';

export class FakeOutgoingVm implements OutgoingVm {
  readonly vmId = VM_ID;
  readonly memory: number;
  readonly memoryBytes: number;
  readonly calls: string[] = [];
  readonly throttles: number[] = [];
  /** Runs inside a step; what it throws is the step's failure. */
  readonly during: Partial<Record<OutgoingStep | 'resume', () => unknown>> = {};
  /** Pages that the guest writes in each turn of the event loop while it runs. */
  pagesPerTurn = 0;
  state = A_DEVICE_STATE;
  readonly #host: FakeHost;
  readonly #bitmap: number;
  readonly #random = makeRandom(99);
  #isLogging = false;
  #guest: NodeJS.Immediate | undefined;

  constructor(host: FakeHost, pages: number) {
    this.#host = host;
    this.memoryBytes = pages * PAGE_SIZE;
    this.memory = host.memory.take(this.memoryBytes, 'A VM', PAGE_SIZE);
    this.#bitmap = host.memory.take(Math.ceil(pages / 32) * 4, 'A dirty bitmap');
    this.#runGuest();
  }

  get pages(): number {
    return this.memoryBytes / PAGE_SIZE;
  }

  get bytes(): Uint8Array {
    return this.#host.memory.u8.subarray(this.memory, this.memory + this.memoryBytes);
  }

  /** Fills the memory with noise, but for each page that `isZero` names. */
  fill(isZero: (page: number) => boolean = () => false): void {
    const words = this.#host.memory.u32;
    for (let page = 0; page < this.pages; page++) {
      const first = (this.memory + page * PAGE_SIZE) / 4;
      for (let i = 0; i < PAGE_SIZE / 4; i++) words[first + i] = isZero(page) ? 0 : this.#random();
    }
  }

  /** Writes a page and marks it, in the order of `kernel/dirty.ts`. */
  write(page: number, value: number): void {
    const { memory } = this.#host;
    const first = (this.memory + page * PAGE_SIZE) / 4;
    // No two words are equal: a page that no coding makes shorter.
    for (let i = 0; i < PAGE_SIZE / 4; i++) memory.u32[first + i] = value + i;
    if (!this.#isLogging) return;
    Atomics.or(memory.i32, this.#bitmap / 4 + (page >>> 5), 1 << (page & 31));
  }

  async prepareGap(): Promise<void> {
    await this.#call('prepareGap');
  }

  throttle(percent: number): void {
    this.throttles.push(percent);
  }

  async clearFilters(): Promise<void> {
    await this.#call('clearFilters');
  }

  async stopDma(): Promise<void> {
    await this.#call('stopDma');
  }

  async startDirtyLog(): Promise<number> {
    this.#host.kernel.markAll(this.#bitmap, this.pages);
    this.#isLogging = true;
    await this.#call('startDirtyLog');
    return this.#bitmap;
  }

  async stopGuest(): Promise<number> {
    await this.#call('stopGuest');
    this.stopWriting();
    return 123;
  }

  deviceState(): DeviceState {
    this.calls.push('deviceState');
    this.during.deviceState?.();
    return this.state;
  }

  async resume(): Promise<void> {
    await this.#call('resume');
    this.#isLogging = false;
  }

  stopWriting(): void {
    clearImmediate(this.#guest);
    this.#guest = undefined;
  }

  async #call(step: OutgoingStep | 'resume'): Promise<void> {
    this.calls.push(step);
    await new Promise(setImmediate);
    await this.during[step]?.();
  }

  #runGuest(): void {
    this.#guest = setImmediate(() => {
      for (let i = 0; i < this.pagesPerTurn; i++) {
        const value = this.#random();
        // Zero pages too: a page may become zero after its content was sent.
        this.write(value % this.pages, value % 5 === 0 ? 0 : value);
      }
      this.#runGuest();
    });
  }
}

export class FakeIncomingVm implements IncomingVm {
  readonly vmId = VM_ID;
  readonly memory: number;
  readonly memoryBytes: number;
  restored: DeviceState | undefined;
  discards = 0;
  duringRestore: (() => void) | undefined;
  readonly #host: FakeHost;

  constructor(host: FakeHost, pages: number) {
    this.#host = host;
    this.memoryBytes = pages * PAGE_SIZE;
    this.memory = host.memory.take(this.memoryBytes, 'A VM', PAGE_SIZE);
  }

  get bytes(): Uint8Array {
    return this.#host.memory.u8.subarray(this.memory, this.memory + this.memoryBytes);
  }

  restore(state: DeviceState): void {
    this.duringRestore?.();
    this.restored = state;
  }

  discard(): void {
    this.discards++;
  }
}

/** What a target's host does with late frames: remembers them. */
export class FakeLateFrames implements LateFrames {
  readonly batches: { readonly nic: number; readonly entries: Uint8Array }[] = [];
  readonly ends: (string | null)[] = [];

  take(nic: number, entries: Uint8Array): void {
    this.batches.push({ nic, entries });
  }

  end(lost: string | null): void {
    this.ends.push(lost);
  }
}
