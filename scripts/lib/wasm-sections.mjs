/** Reads the section table of a WebAssembly module; just enough to find out whether it carries static data. */

const HEADER_BYTES = 8;
const DATA_SECTION = 11;

/**
 * Unsigned LEB128 number at an offset.
 * @param {Uint8Array} bytes
 * @param {number} offset
 * @returns {{ value: number, next: number }}
 */
function readUnsigned(bytes, offset) {
  let value = 0;
  for (let shift = 0, at = offset; ; shift += 7, at += 1) {
    const byte = bytes[at];
    if (byte === undefined) throw new Error('wasm: the module ends inside a number');
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return { value, next: at + 1 };
  }
}

/**
 * Size of the data section in bytes, 0 when there is none. A section that holds zero segments counts as none.
 * @param {Uint8Array} module
 * @returns {number}
 */
export function dataSectionSize(module) {
  let offset = HEADER_BYTES;
  while (offset < module.length) {
    const id = module[offset];
    const size = readUnsigned(module, offset + 1);
    if (id === DATA_SECTION && readUnsigned(module, size.next).value > 0) return size.value;
    offset = size.next + size.value;
  }
  return 0;
}
