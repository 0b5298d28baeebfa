/**
 * 64-bit checksum of a block whose length is a multiple of 8; not cryptographic. Four lanes, since the
 * steps of one wait for each other.
 */
const PRIME_A: u64 = 0x9fb21c651e98df25;
const PRIME_B: u64 = 0xa24baed4963ee407;
/** Bytes that all lanes together take in a step. */
const STEP: u32 = 32;

let a: u64 = 0;
let b: u64 = 0;
let c: u64 = 0;
let d: u64 = 0;

/** Takes whole steps. */
function mix(at: u32, end: u32): void {
  let a0 = a;
  let b0 = b;
  let c0 = c;
  let d0 = d;
  for (; at < end; at += STEP) {
    a0 = rotl<u64>(a0 ^ load<u64>(at), 29) * PRIME_A;
    b0 = rotl<u64>(b0 ^ load<u64>(at, 8), 31) * PRIME_B;
    c0 = rotl<u64>(c0 ^ load<u64>(at, 16), 29) * PRIME_A;
    d0 = rotl<u64>(d0 ^ load<u64>(at, 24), 31) * PRIME_B;
  }
  a = a0;
  b = b0;
  c = c0;
  d = d0;
}

/** Of a block that lies in two pieces. The first one has whole steps: a multiple of 32 bytes. */
export function checksumOfTwo(first: u32, firstLength: u32, second: u32, secondLength: u32): u64 {
  a = 0x9e3779b97f4a7c15 ^ u64(firstLength + secondLength);
  b = 0xc2b2ae3d27d4eb4f;
  c = 0x165667b19e3779f9;
  d = 0x27d4eb2f165667c5;
  mix(first, first + firstLength);
  let at = second + (secondLength & ~(STEP - 1));
  mix(second, at);
  const end = second + secondLength;
  for (; at < end; at += 8) a = rotl<u64>(a ^ load<u64>(at), 29) * PRIME_A;
  let sum = a ^ rotl<u64>(b, 17) ^ rotl<u64>(c, 31) ^ rotl<u64>(d, 47);
  sum = (sum ^ (sum >> 32)) * 0xd6e8feb86659fd93;
  return sum ^ (sum >> 29);
}

export function checksum(at: u32, length: u32): u64 {
  return checksumOfTwo(at, 0, at, length);
}
