/** Sends echo requests through the fabric at a steady rate, and counts which were answered. */
import { decodeFrame } from '../../src/engine/wire/frame-summary';
import { buildIcmpEchoFrame } from '../../src/engine/wire/icmp';
import { parseIpv4Address } from '../../src/shared/ipv4-address';
import { parseMacAddress } from '../../src/shared/mac-address';
import type { StreamClient } from './engine-lab';

export interface PingTarget {
  readonly mac: string;
  readonly ipv4: string;
  readonly vlan: number;
}

export class Pinger {
  /** How often each request was answered, by its number. */
  readonly answered = new Map<number, number>();
  sent = 0;
  readonly #client: StreamClient;
  readonly #target: PingTarget;
  readonly #bytes = new Uint8Array(128);
  #timer: NodeJS.Timeout | undefined;

  constructor(client: StreamClient, target: PingTarget) {
    this.#client = client;
    this.#target = target;
    client.onFrame = (frame) => this.#take(frame);
  }

  start(everyMs = 2): this {
    this.#timer = setInterval(() => this.#ping(), everyMs);
    return this;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #ping(): void {
    const { mac, ipv4, vlan } = this.#target;
    const length = buildIcmpEchoFrame(
      this.#bytes,
      0,
      {
        destination: parseMacAddress(mac),
        source: parseMacAddress('02:00:5e:cc:00:01'),
        vlan: { vlanId: vlan },
      },
      { source: parseIpv4Address('10.0.10.99'), destination: parseIpv4Address(ipv4) },
      'echoRequest',
      { identifier: 1, sequence: this.sent & 0xffff, data: new Uint8Array(16) },
    );
    this.sent++;
    this.#client.send(this.#bytes.slice(0, length));
  }

  #take(frame: Uint8Array): void {
    const tree = decodeFrame(frame);
    const isEcho =
      tree.kind === 'ethernet' &&
      tree.payload.kind === 'ipv4' &&
      tree.payload.payload.kind === 'icmp';
    if (!isEcho) return;
    const sequence = tree.payload.payload.echo?.sequence ?? -1;
    this.answered.set(sequence, (this.answered.get(sequence) ?? 0) + 1);
  }
}
