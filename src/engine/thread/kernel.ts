/** The kernel module as TypeScript sees it. Every engine thread instantiates it once over the host memory. */
import { KERNEL_WASM_BASE64 } from '../kernel/build/kernel-bytes';

/** Exports of `engine/kernel/index.ts`. Addresses are unsigned; use `>>> 0` on what comes back. */
export interface Kernel {
  adapterTurn(adapter: number, thread: number, now: number): number;
  adapterHasWork(adapter: number, thread: number): number;
  /** 1 when the last turn dropped a frame because a queue had no buffer. */
  adapterStarved(): number;
  putFence(queue: number, nicIndex: number): number;
  serveTurn(thread: number, now: number): number;
  serveHasWork(thread: number): number;
  latencyBucket(ns: number): number;
  adopt(thread: number, nic: number, mayWait: number): number;
  disown(thread: number, nic: number): void;
  passFence(thread: number, nic: number): void;
  announce(thread: number, nic: number, source: number, length: number): number;
  flushHold(thread: number, nic: number): void;
  releaseHold(thread: number, nic: number, mayWait: number): number;
  heldCount(nic: number): number;
  deliverLate(thread: number, nic: number, at: number, end: number, mayWait: number): number;
  vcpuTurn(thread: number, now: number): number;
  vcpuHasWork(thread: number): number;
  vcpuDue(thread: number): number;
  guestTurn(vm: number, now: number): number;
  inconsistentPages(memory: number): number;
  kick(port: number): void;
  fabricTurn(fabric: number, now: number): number;
  fabricHasWork(fabric: number): number;
  filterSlot(low: number, high: number, vlan: number, mask: number): number;
  filterLookup(
    table: number,
    mask: number,
    macOnly: number,
    low: number,
    high: number,
    vlan: number,
  ): number;
  deframe(ring: number, source: number, length: number, now: number): number;
  enframe(ring: number, target: number, capacity: number): number;
  replay(ring: number, at: number, end: number, until: number, limit: number, now: number): number;
  generate(
    ring: number,
    templates: number,
    templateCount: number,
    length: number,
    frames: number,
    sequence: number,
    now: number,
  ): number;
  lastFrames(): number;
  lastBytes(): number;
  wirePut(ring: number, source: number, length: number, now: number): number;
  wireTake(ring: number, target: number): number;
  wireEmpty(ring: number): number;
  wake(thread: number): void;
  macKey(low: number, high: number, vlan: number): bigint;
  macLearn(table: number, key: bigint, port: number, second: number): number;
  macLookup(table: number, key: bigint): number;
  macForget(table: number, key: bigint): void;
  macForgetPort(table: number, port: number): void;
  macAge(table: number, second: number): number;
  checksum(at: number, length: number): bigint;
  /** Of a block in two pieces; `firstLength` is a multiple of 32. */
  checksumOfTwo(first: number, firstLength: number, second: number, secondLength: number): bigint;
  markAll(bitmap: number, pages: number): void;
  countDirty(bitmap: number, pages: number): number;
  takeDirty(
    bitmap: number,
    memoryStart: number,
    pages: number,
    from: number,
    limit: number,
    numbers: number,
    copies: number,
  ): number;
  putPages(memoryStart: number, numbers: number, n: number, copies: number): void;
  lastScan(): number;
  lastCopiesEnd(): number;
  lastZeroPages(): number;
  lastRepeatedPages(): number;
}

/** Compiles the module; once per process, threads get the compiled module. */
export function compileKernel(): Promise<WebAssembly.Module> {
  return WebAssembly.compile(Buffer.from(KERNEL_WASM_BASE64, 'base64'));
}

/** Instantiates the module over a host memory. Any thread. */
export function instantiateKernel(module: WebAssembly.Module, memory: WebAssembly.Memory): Kernel {
  const abort = (): never => {
    throw new Error('the kernel stopped on a broken invariant');
  };
  const instance = new WebAssembly.Instance(module, { env: { memory, abort } });
  return instance.exports as unknown as Kernel;
}
