/** A station at the fabric's socket: QEMU stream framing in plain TypeScript, apart from the engine's. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import { buildUdpFrame } from '../../src/engine/wire/udp';
import { parseIpv4Address } from '../../src/shared/ipv4-address';
import { parseMacAddress } from '../../src/shared/mac-address';

export class Peer {
  readonly socket: Socket;
  /** Frames received, whole; empty while `isCounting`. */
  readonly frames: Buffer[] = [];
  frameCount = 0;
  /** Told of each frame. */
  onFrame: (frame: Buffer) => void = (frame) => this.frames.push(frame);
  #rest: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', () => undefined);
  }

  static async connect(path: string): Promise<Peer> {
    const socket = connect(path);
    await once(socket, 'connect');
    return new Peer(socket);
  }

  /** Sends frames in one write; resolves when the socket wants more. */
  async send(...frames: Uint8Array[]): Promise<void> {
    const parts = frames.flatMap((frame) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(frame.length);
      return [length, frame];
    });
    if (!this.socket.write(Buffer.concat(parts))) await once(this.socket, 'drain');
  }

  async close(): Promise<void> {
    if (this.socket.destroyed) return;
    this.socket.end();
    await once(this.socket, 'close');
  }

  #receive(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (this.#rest.length - at >= 4) {
      const length = this.#rest.readUInt32BE(at);
      if (this.#rest.length - at - 4 < length) break;
      this.frameCount += 1;
      this.onFrame(this.#rest.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
    this.#rest = this.#rest.subarray(at);
  }
}

export interface FrameOptions {
  readonly from: string;
  readonly to: string;
  readonly vlan?: number;
  readonly number?: number;
  /** Of the datagram; the frame is 42 bytes longer. */
  readonly payloadBytes?: number;
}

/** A UDP frame with a number at the start of its payload. */
export function frameOf({ from, to, vlan, number = 0, payloadBytes = 22 }: FrameOptions): Buffer {
  const bytes = new Uint8Array(2048);
  const payload = new Uint8Array(payloadBytes);
  new DataView(payload.buffer).setUint32(0, number);
  const length = buildUdpFrame(
    bytes,
    0,
    {
      destination: parseMacAddress(to),
      source: parseMacAddress(from),
      ...(vlan !== undefined && { vlan: { vlanId: vlan } }),
    },
    { source: parseIpv4Address('10.0.0.1'), destination: parseIpv4Address('10.0.0.2') },
    { sourcePort: 4000, destinationPort: 9, payload },
  );
  return Buffer.from(bytes.subarray(0, length));
}

/** The number of an untagged frame of `frameOf`. */
export function numberOf(frame: Buffer): number {
  return frame.readUInt32BE(42);
}

/** Waits until `condition` holds. */
export async function until(condition: () => boolean, timeoutMs = 5000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('the condition did not come true in time');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
