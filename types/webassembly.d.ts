/**
 * The part of the WebAssembly JavaScript interface that the engine uses. Every runtime has it, but TypeScript
 * declares it only together with the browser's types, which the engine must not see.
 */
declare namespace WebAssembly {
  interface MemoryDescriptor {
    initial: number;
    maximum?: number;
    shared?: boolean;
  }

  /** Linear memory; `buffer` is a SharedArrayBuffer when it was made with `shared: true`. */
  class Memory {
    constructor(descriptor: MemoryDescriptor);
    readonly buffer: ArrayBuffer | SharedArrayBuffer;
    /** Adds pages of 64 KiB; views over `buffer` must be taken anew. */
    grow(deltaPages: number): number;
  }

  class Global {
    constructor(descriptor: { value: string; mutable?: boolean }, value?: number | bigint);
    value: unknown;
  }

  type ExportValue = CallableFunction | Memory | Global;
  type Imports = Record<string, Record<string, ExportValue>>;
  type Exports = Record<string, ExportValue>;

  /** Compiled code; it can be posted to a worker thread, which then need not compile it again. */
  class Module {
    constructor(bytes: ArrayBufferView | ArrayBuffer);
    private readonly brand: 'WebAssembly.Module';
  }

  /** Compiles on another thread. */
  function compile(bytes: ArrayBufferView | ArrayBuffer): Promise<Module>;

  class Instance {
    constructor(module: Module, imports?: Imports);
    readonly exports: Exports;
  }

  /** A trap inside the module, such as an address beyond the memory. */
  class RuntimeError extends Error {}
}
