import { describe, expect, it } from 'vitest';

import { dataSectionSize } from '../../../scripts/lib/wasm-sections.mjs';

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const MEMORY_SECTION = [0x05, 0x03, 0x01, 0x00, 0x01];

/** One active segment at address 0 that holds a single byte. */
const DATA_SECTION = [0x0b, 0x07, 0x01, 0x00, 0x41, 0x00, 0x0b, 0x01, 0x2a];

describe('dataSectionSize', () => {
  it('returns 0 for a module without static data', () => {
    expect(dataSectionSize(Uint8Array.from([...HEADER, ...MEMORY_SECTION]))).toBe(0);
  });

  it('finds the data section behind other sections', () => {
    const module = Uint8Array.from([...HEADER, ...MEMORY_SECTION, ...DATA_SECTION]);
    expect(WebAssembly.validate(module)).toBe(true);
    expect(dataSectionSize(module)).toBe(7);
  });

  it('counts a section with zero segments as none', () => {
    expect(dataSectionSize(Uint8Array.from([...HEADER, 0x0b, 0x01, 0x00]))).toBe(0);
  });

  it('refuses a module that ends inside a section header', () => {
    expect(() => dataSectionSize(Uint8Array.from([...HEADER, 0x05]))).toThrow(/ends inside/);
  });
});
