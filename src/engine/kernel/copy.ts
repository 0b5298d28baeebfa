/**
 * Copies between places of the host memory that do not overlap. `memory.copy` leaves WebAssembly for a
 * C function, which costs more than most frames themselves.
 */

/** Copies less than 16 bytes. */
function copyShort(target: u32, source: u32, length: u32): void {
  if (length >= 8) {
    const last = length - 8;
    const tail = load<u64>(source + last);
    store<u64>(target, load<u64>(source));
    store<u64>(target + last, tail);
  } else if (length >= 4) {
    const last = length - 4;
    const tail = load<u32>(source + last);
    store<u32>(target, load<u32>(source));
    store<u32>(target + last, tail);
  } else for (let at: u32 = 0; at < length; at++) store<u8>(target + at, load<u8>(source + at));
}

/** Copies `length` bytes, not one more. */
export function copyBytes(target: u32, source: u32, length: u32): void {
  if (length < 16) {
    copyShort(target, source, length);
    return;
  }
  // The last 16 bytes may have been copied in part: they are the same again.
  const lastTarget = target + length - 16;
  const lastSource = source + length - 16;
  while (target + 64 <= lastTarget) {
    const a = v128.load(source);
    const b = v128.load(source, 16);
    const c = v128.load(source, 32);
    const d = v128.load(source, 48);
    v128.store(target, a);
    v128.store(target, b, 16);
    v128.store(target, c, 32);
    v128.store(target, d, 48);
    source += 64;
    target += 64;
  }
  while (target < lastTarget) {
    v128.store(target, v128.load(source));
    source += 16;
    target += 16;
  }
  v128.store(lastTarget, v128.load(lastSource));
}
