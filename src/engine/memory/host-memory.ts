/**
 * A host's physical memory: one shared WebAssembly memory, made whole at start. Pages are touched
 * only when used. Regions are handed out zeroed by the control thread; every other thread works on
 * addresses that it is given.
 */
import { RefusalError } from '../../shared/refusal-error';
import { MIB } from '../../shared/units';
import { RegionAllocator } from './region-allocator';

const WASM_PAGE = 65_536;
/** Regions begin here: address 0 means "none", and page 0 is never handed out. */
const FIRST_ADDRESS = WASM_PAGE;
export const CACHE_LINE = 64;

/** Typed views over one shared memory. It never grows, so they stay valid. */
export class MemoryViews {
  readonly memory: WebAssembly.Memory;
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  readonly u64: BigUint64Array;

  constructor(memory: WebAssembly.Memory) {
    this.memory = memory;
    this.u8 = new Uint8Array(memory.buffer);
    this.u16 = new Uint16Array(memory.buffer);
    this.i32 = new Int32Array(memory.buffer);
    this.u32 = new Uint32Array(memory.buffer);
    this.f64 = new Float64Array(memory.buffer);
    this.u64 = new BigUint64Array(memory.buffer);
  }

  getU32(address: number): number {
    return this.u32[address >>> 2] ?? 0;
  }

  setU32(address: number, value: number): void {
    this.u32[address >>> 2] = value;
  }

  getF64(address: number): number {
    return this.f64[address / 8] ?? 0;
  }

  setF64(address: number, value: number): void {
    this.f64[address / 8] = value;
  }

  /** A 64-bit counter as a number: exact up to 2^53. */
  getCounter(address: number): number {
    return Number(this.u64[address / 8] ?? 0n);
  }

  setCounter(address: number, value: number): void {
    this.u64[address / 8] = BigInt(value);
  }
}

export class HostMemory extends MemoryViews {
  readonly #regions: RegionAllocator;
  /** Address behind the last byte that was ever handed out. */
  #everUsed = 0;

  /**
   * @param sizeMiB size of the memory, 1 to 4095.
   * @throws RefusalError `host-memory-exhausted` when the machine cannot reserve it.
   */
  constructor(sizeMiB: number) {
    super(reserve(sizeMiB));
    this.#regions = new RegionAllocator(FIRST_ADDRESS, sizeMiB * MIB);
  }

  get totalBytes(): number {
    return this.#regions.totalBytes;
  }

  get usedBytes(): number {
    return this.#regions.usedBytes;
  }

  /** The largest region that can be taken now. */
  get largestFreeBytes(): number {
    return this.#regions.largestFreeBytes;
  }

  /**
   * A zeroed region.
   * @param purpose who asks, for the refusal.
   * @throws RefusalError `host-memory-exhausted`
   */
  take(length: number, purpose: string, alignment = CACHE_LINE): number {
    const address = this.#regions.tryTake(length, alignment);
    if (address === undefined) {
      throw new RefusalError({
        code: 'host-memory-exhausted',
        what: `${purpose} does not fit into the host's memory.`,
        why: `It needs ${Math.ceil(length / MIB)} MiB in one piece; the largest free piece has ${Math.floor(this.#regions.largestFreeBytes / MIB)} of ${Math.floor(this.totalBytes / MIB)} MiB.`,
        remedy: 'Give the host more memory, or stop and remove a VM.',
      });
    }
    // What was never handed out is still zero, and stays untouched: no page of it is in use yet.
    const used = Math.min(address + length, this.#everUsed);
    if (address < used) this.u8.fill(0, address, used);
    this.#everUsed = Math.max(this.#everUsed, address + length);
    return address;
  }

  give(address: number): void {
    this.#regions.give(address);
  }
}

function reserve(sizeMiB: number): WebAssembly.Memory {
  const pages = (sizeMiB * MIB) / WASM_PAGE;
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch (cause) {
    throw new RefusalError(
      {
        code: 'host-memory-exhausted',
        what: `The host's memory of ${sizeMiB} MiB could not be reserved.`,
        why: 'The operating system refused that much address space.',
        remedy: 'Give the host less memory.',
      },
      { cause },
    );
  }
}
