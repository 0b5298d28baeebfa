/** Sends the echo requests of `pinger.ts`. Argument: the order, as JSON. Answers ARP, as a real station does. */
import { buildArpReply } from '../../../src/engine/wire/arp';
import { buildIcmpEchoFrame } from '../../../src/engine/wire/icmp';
import { parseIpv4Address } from '../../../src/shared/ipv4-address';
import { parseMacAddress } from '../../../src/shared/mac-address';
import { Peer } from '../../integration/fabric-peer';
import { PingLedger } from './ping-ledger';
import { pingCommandSchema, pingOrderSchema, type PingOrder } from './pinger';

const OWN_MAC = '02:00:5e:cc:00:99';
const ETHERTYPE_OFFSET = 12;
const ICMP_OFFSET = 34;
/** Behind the eight bytes of the echo header. */
const NUMBER_OFFSET = ICMP_OFFSET + 8;
const ECHO_REPLY = 0;
const LATE_ANSWERS_MS = 300;

/** The host part 254 of the guest's /24. */
function ownIpv4(order: PingOrder): string {
  return `${order.ipv4.split('.').slice(0, 3).join('.')}.254`;
}

class Pings {
  readonly #peer: Peer;
  readonly #order: PingOrder;
  readonly #bytes = new Uint8Array(256);
  readonly #startMs = performance.now();
  ledger = new PingLedger();
  #number = 0;

  constructor(peer: Peer, order: PingOrder) {
    this.#peer = peer;
    this.#order = order;
    peer.onFrame = (frame) => this.#receive(frame);
  }

  /** Sends what is due by now. */
  step(): void {
    const due = ((performance.now() - this.#startMs) * this.#order.perSecond) / 1000;
    for (; this.#number < due; this.#number++) this.#send();
  }

  #send(): void {
    const data = new Uint8Array(24);
    new DataView(data.buffer).setUint32(0, this.#number);
    const length = buildIcmpEchoFrame(
      this.#bytes,
      0,
      { destination: parseMacAddress(this.#order.mac), source: parseMacAddress(OWN_MAC) },
      {
        source: parseIpv4Address(ownIpv4(this.#order)),
        destination: parseIpv4Address(this.#order.ipv4),
      },
      'echoRequest',
      { identifier: 1, sequence: this.#number & 0xffff, data },
    );
    this.ledger.sent(this.#number, performance.now());
    void this.#peer.send(this.#bytes.slice(0, length));
  }

  #receive(frame: Buffer): void {
    const type = frame.length >= NUMBER_OFFSET ? frame.readUInt16BE(ETHERTYPE_OFFSET) : 0;
    if (type === 0x0806) this.#answerArp(frame);
    if (type !== 0x0800 || frame.readUInt8(23) !== 1) return;
    if (frame.readUInt8(ICMP_OFFSET) !== ECHO_REPLY || frame.length < NUMBER_OFFSET + 4) return;
    this.ledger.answered(frame.readUInt32BE(NUMBER_OFFSET), performance.now());
  }

  #answerArp(frame: Buffer): void {
    const asked = [...frame.subarray(38, 42)].join('.');
    if (frame.readUInt16BE(20) !== 1 || asked !== ownIpv4(this.#order)) return;
    const length = buildArpReply(this.#bytes, 0, {
      senderMac: parseMacAddress(OWN_MAC),
      senderIp: parseIpv4Address(asked),
      targetMac: parseMacAddress([...frame.subarray(22, 28)].map(hexByte).join(':')),
      targetIp: parseIpv4Address([...frame.subarray(28, 32)].join('.')),
    });
    void this.#peer.send(this.#bytes.slice(0, length));
  }
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, '0');
}

async function main(): Promise<void> {
  const order = pingOrderSchema.parse(JSON.parse(process.argv[2] ?? ''));
  const pings = new Pings(await Peer.connect(order.fabricSocket), order);
  const timer = setInterval(() => pings.step(), 1);
  process.on('message', (message) => {
    const command = pingCommandSchema.parse(message);
    const answer = (): void => {
      process.send?.(pings.ledger.score(performance.now()));
    };
    if (command === 'stop') {
      clearInterval(timer);
      setTimeout(answer, LATE_ANSWERS_MS);
    } else {
      answer();
      if (command === 'restart') pings.ledger = new PingLedger();
    }
  });
}

void main();
