/**
 * A steady flow of numbered UDP echo requests through the fabric. Each answer carries its number, so
 * lost, duplicated and reordered ones are counted exactly, however long the flow is.
 */
import { buildUdpFrame } from '../../../src/engine/wire/udp';
import { parseIpv4Address } from '../../../src/shared/ipv4-address';
import { parseMacAddress } from '../../../src/shared/mac-address';
import type { StreamClient } from '../../support/engine-lab';
import type { PingTarget } from '../../support/pinger';

const INTERVAL_MS = 2;
/** What is owed after a delay of this process is sent in bursts that a guest takes. */
const MOST_AT_ONCE = 32;
const MOST_NOTED = 50;
const ECHO_PORT = 7;
const OWN_PORT = 40_000;
const OWN_MAC = '02:00:5e:cc:00:01';
const OWN_IPV4 = '10.0.10.99';
/** Ethernet, VLAN tag, IPv4 without options, UDP. */
const PAYLOAD_AT = 14 + 4 + 20 + 8;
const SOURCE_PORT_AT = PAYLOAD_AT - 8;

export interface FlowCount {
  readonly sent: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
  /** The first answers that came late or again, and when, for a test that fails. */
  readonly wrong: readonly string[];
}

export class NumberedFlow {
  readonly #client: StreamClient;
  readonly #frame = new Uint8Array(128);
  readonly #payload = Buffer.alloc(16);
  readonly #headers;
  readonly #perSecond: number;
  readonly #unanswered = new Set<number>();
  #sent = 0;
  #owed = 0;
  #lastMs = performance.now();
  #highest = -1;
  #duplicated = 0;
  #reordered = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #wrong: string[] = [];

  constructor(client: StreamClient, { mac, ipv4, vlan }: PingTarget, perSecond: number) {
    this.#client = client;
    this.#perSecond = perSecond;
    this.#headers = {
      ethernet: {
        destination: parseMacAddress(mac),
        source: parseMacAddress(OWN_MAC),
        vlan: { vlanId: vlan },
      },
      ip: { source: parseIpv4Address(OWN_IPV4), destination: parseIpv4Address(ipv4) },
      datagram: { sourcePort: OWN_PORT, destinationPort: ECHO_PORT, payload: this.#payload },
    };
    client.onFrame = (frame) => this.#take(frame);
  }

  start(): this {
    this.#lastMs = performance.now();
    this.#timer = setInterval(() => this.#step(), INTERVAL_MS);
    return this;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  get answered(): number {
    return this.#sent - this.#unanswered.size;
  }

  get count(): FlowCount {
    return {
      sent: this.#sent,
      lost: this.#unanswered.size,
      duplicated: this.#duplicated,
      reordered: this.#reordered,
      wrong: this.#wrong,
    };
  }

  #step(): void {
    const nowMs = performance.now();
    this.#owed += ((nowMs - this.#lastMs) * this.#perSecond) / 1000;
    this.#lastMs = nowMs;
    for (let left = MOST_AT_ONCE; left > 0 && this.#owed >= 1; left--) {
      this.#owed -= 1;
      this.#send();
    }
  }

  #send(): void {
    this.#payload.writeDoubleBE(this.#sent);
    this.#unanswered.add(this.#sent);
    this.#sent += 1;
    const { ethernet, ip, datagram } = this.#headers;
    const length = buildUdpFrame(this.#frame, 0, ethernet, ip, datagram);
    this.#client.send(this.#frame.slice(0, length));
  }

  #take(frame: Uint8Array): void {
    if (frame.length < PAYLOAD_AT + this.#payload.length) return;
    const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
    const isAnswer =
      view.getUint16(SOURCE_PORT_AT) === ECHO_PORT &&
      view.getUint16(SOURCE_PORT_AT + 2) === OWN_PORT;
    if (!isAnswer) return;
    const number = view.getFloat64(PAYLOAD_AT);
    if (!this.#unanswered.delete(number)) {
      this.#duplicated += 1;
      this.#note(number, 'again');
      return;
    }
    if (number < this.#highest) {
      this.#reordered += 1;
      this.#note(number, 'late');
    }
    this.#highest = Math.max(this.#highest, number);
  }

  #note(number: number, how: 'late' | 'again'): void {
    if (this.#wrong.length === MOST_NOTED) return;
    const atMs = Math.round(performance.now());
    this.#wrong.push(`${number} ${how} at ${atMs} ms, after ${this.#highest} of ${this.#sent}`);
  }
}
