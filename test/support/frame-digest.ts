/** The digest that a guest keeps over all frames it received, in order (`kernel/guest.ts`), computed independently. */
const PRIME = 0x100000001b3n;

export class FrameDigest {
  #hash = 0n;

  add(frame: Uint8Array): void {
    let hash = this.#hash;
    const step = (value: bigint): void => {
      hash = BigInt.asUintN(64, (hash ^ value) * PRIME);
    };
    step(BigInt(frame.length));
    for (const byte of frame) step(BigInt(byte));
    this.#hash = hash;
  }

  /** 16 hexadecimal digits, as in a VM's snapshot. */
  toString(): string {
    return this.#hash.toString(16).padStart(16, '0');
  }
}
