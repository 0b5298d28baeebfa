/**
 * A probe: sends stamped UDP echo requests (RFC 862) to a guest and scores its answers. It answers
 * ARP for its own address, so that the guest can find it. A low rate: TypeScript. Link thread.
 *
 * At its end it asks the guest for its account until answers are waited for no longer, so that the
 * last probes too are told apart into lost on the way there and on the way back.
 */
import type { ProbeResult, ProbeSample } from '../../contract/migration';
import { ipv4AddressToNumber, parseIpv4Address } from '../../shared/ipv4-address';
import { macAddressToNumbers, parseMacAddress } from '../../shared/mac-address';
import {
  ARP_OPERATION,
  buildArpReply,
  isArpPacket,
  readArpOperation,
  readArpSenderIp,
  readArpSenderMac,
  readArpTargetIp,
} from '../wire/arp';
import {
  ETHER_TYPE,
  hasEthernetHeader,
  hasGroupDestination,
  readDestinationHigh,
  readDestinationLow,
} from '../wire/ethernet';
import { ipv4AddressFromNumber } from '../../shared/ipv4-address';
import {
  ACCOUNT_SEQUENCE,
  findProbe,
  NO_PROBE,
  PROBE_BYTES,
  PROBE_UDP_PORT,
  readProbeAccount,
  readProbeFlowId,
  readProbeSequence,
  writeProbe,
  type ProbeAccount,
} from '../wire/probe';
import { buildUdpFrame } from '../wire/udp';
import { payloadOffset, readPayloadEtherType, readVlanId } from '../wire/vlan';
import { LinkCounters } from './link-counters';
import type { DuplexPlace, ProbeDirection, ProbeFlow } from './link-protocol';
import { delayMs, RatePacer } from './pacing';
import { ProbeScore } from './probe-score';
import type { LinkContext, LinkSigns, ThreadLink } from './thread-link';
import { Ticker } from './ticker';
import { WireOutlet, type Drained } from './wire-outlet';

const ECHO_PORT = 7;
/** How long late answers are waited for. */
const LATE_ANSWERS_MS = 500;
/** How often the guest is asked for its account meanwhile. */
const ACCOUNT_REQUESTS = 5;
/** Frames taken from the ring between two looks at other links. */
const DRAIN_FRAMES = 256;

export class ProbeLink implements ThreadLink {
  readonly #context: LinkContext;
  readonly #place: DuplexPlace;
  readonly #flow: ProbeFlow;
  readonly #signs: LinkSigns;
  readonly #counters: LinkCounters;
  readonly #outlet: WireOutlet;
  readonly #pacer: RatePacer;
  readonly #score = new ProbeScore();
  readonly #ticker = new Ticker(() => {
    this.#step();
  });
  readonly #own;
  readonly #headers;
  // One each, so that a probe allocates little.
  readonly #payload = new Uint8Array(PROBE_BYTES);
  readonly #account: ProbeAccount = { answers: 0, sinceNs: 0, receivedNs: 0, longestGapNs: 0 };
  /** Probe frames that are still to be dropped on purpose. */
  readonly #toDrop: Record<ProbeDirection, number> = { 'to-vm': 0, 'from-vm': 0 };
  #onComplete: () => void = () => undefined;

  constructor(context: LinkContext, place: DuplexPlace, signs: LinkSigns, flow: ProbeFlow) {
    this.#context = context;
    this.#place = place;
    this.#flow = flow;
    this.#signs = signs;
    this.#counters = new LinkCounters(context.views, place.block);
    this.#outlet = new WireOutlet(context.views, place.outRing, () => this.#drain());
    this.#pacer = new RatePacer(flow.perSecond);
    const mac = parseMacAddress(flow.ownMac);
    const ipv4 = parseIpv4Address(flow.ownIpv4);
    this.#own = {
      mac,
      ipv4,
      numbers: macAddressToNumbers(mac),
      ipv4Number: ipv4AddressToNumber(ipv4),
    };
    this.#headers = {
      ethernet: { destination: parseMacAddress(flow.mac), source: mac, ...this.#tag() },
      ip: { source: ipv4, destination: parseIpv4Address(flow.ipv4) },
      datagram: {
        sourcePort: PROBE_UDP_PORT,
        destinationPort: ECHO_PORT,
        payload: this.#payload,
      },
    };
  }

  start(): Promise<void> {
    this.#pacer.begin(this.#context.clock());
    this.#signs.state('running', '');
    this.#outlet.resume();
    this.#step();
    return Promise.resolve();
  }

  /** Sends no more; answers are still taken. */
  stop(): void {
    this.#ticker.cancel();
  }

  remove(): Promise<void> {
    this.#ticker.cancel();
    this.#outlet.close();
    return Promise.resolve();
  }

  /** Stops, waits for late answers, and says what was measured. */
  async finish(): Promise<ProbeResult> {
    this.stop();
    for (let left = ACCOUNT_REQUESTS; left > 0 && !this.#score.isComplete; left--) {
      this.#put(this.#buildRequest(ACCOUNT_SEQUENCE));
      await this.#completeWithin(LATE_ANSWERS_MS / ACCOUNT_REQUESTS);
    }
    return this.#score.result();
  }

  /** What was measured by now. */
  sample(): ProbeSample {
    return this.#score.sample(this.#context.clock());
  }

  /** Fault injection: the next `frames` probes or answers are lost here, beyond those asked for before. */
  lose(direction: ProbeDirection, frames: number): void {
    this.#toDrop[direction] += frames;
  }

  async #completeWithin(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#onComplete = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #step(): void {
    const now = this.#context.clock();
    for (let left = this.#pacer.allowed(now); left > 0; left--) {
      // A full ring: the probe is not sent now, but later.
      if (!this.#send(this.#buildRequest(this.#score.nextSequence))) break;
      this.#score.sent(now);
      this.#pacer.sent(1);
    }
    this.#context.account();
    this.#ticker.schedule(delayMs(this.#pacer.waitNs(now)));
  }

  #buildRequest(sequence: number): number {
    const { flowId } = this.#flow;
    const { ethernet, ip, datagram } = this.#headers;
    writeProbe(this.#payload, 0, { flowId, sequence, sendTimeNs: this.#context.clock() });
    return buildUdpFrame(this.#context.views.u8, this.#place.scratch, ethernet, ip, datagram);
  }

  /** Sends the probe in the staging, or loses it on purpose. */
  #send(length: number): boolean {
    return this.#drops('to-vm') || this.#put(length);
  }

  #drops(direction: ProbeDirection): boolean {
    if (this.#toDrop[direction] === 0) return false;
    this.#toDrop[direction] -= 1;
    return true;
  }

  #tag(): { vlan?: { vlanId: number } } {
    return this.#flow.vlanId === 0 ? {} : { vlan: { vlanId: this.#flow.vlanId } };
  }

  /** Puts the frame in the staging on the wire. */
  #put(length: number): boolean {
    const { kernel, clock } = this.#context;
    if (kernel.wirePut(this.#place.inRing, this.#place.scratch, length, clock()) === 0)
      return false;
    this.#counters.countIn(1, length);
    return true;
  }

  #drain(): Drained {
    const { kernel } = this.#context;
    for (let i = 0; i < DRAIN_FRAMES; i++) {
      const length = kernel.wireTake(this.#place.outRing, this.#place.scratch);
      if (length === 0) return i === 0 ? 'empty' : 'moved';
      this.#counters.countOut(1, length);
      this.#receive(length);
    }
    return 'moved';
  }

  /** A frame is in the staging. Flooded ones of others come here too. */
  #receive(length: number): void {
    const bytes = this.#context.views.u8;
    const at = this.#place.scratch;
    if (!hasEthernetHeader(length) || readVlanId(bytes, at, length) !== this.#flow.vlanId) return;
    const isOwn =
      readDestinationLow(bytes, at) === this.#own.numbers.low &&
      readDestinationHigh(bytes, at) === this.#own.numbers.high;
    if (isOwn) this.#takeAnswer(length);
    if (isOwn || hasGroupDestination(bytes, at)) this.#answerArp(length);
  }

  #takeAnswer(length: number): void {
    const bytes = this.#context.views.u8;
    const probe = findProbe(bytes, this.#place.scratch, length);
    if (probe === NO_PROBE || readProbeFlowId(bytes, probe) !== this.#flow.flowId) return;
    const sequence = readProbeSequence(bytes, probe);
    readProbeAccount(bytes, probe, this.#account);
    if (sequence === ACCOUNT_SEQUENCE) this.#score.accounted(this.#account);
    else if (!this.#drops('from-vm'))
      this.#score.answered(sequence, this.#account, this.#context.clock());
    if (this.#score.isComplete) this.#onComplete();
  }

  #answerArp(length: number): void {
    const bytes = this.#context.views.u8;
    const at = this.#place.scratch;
    if (readPayloadEtherType(bytes, at, length) !== ETHER_TYPE.arp) return;
    const packet = payloadOffset(bytes, at, length);
    if (!isArpPacket(bytes, packet, at + length - packet)) return;
    if (readArpOperation(bytes, packet) !== ARP_OPERATION.request) return;
    if (readArpTargetIp(bytes, packet) !== this.#own.ipv4Number) return;
    const reply = {
      senderMac: this.#own.mac,
      senderIp: this.#own.ipv4,
      targetMac: readArpSenderMac(bytes, packet),
      targetIp: ipv4AddressFromNumber(readArpSenderIp(bytes, packet)),
      ...this.#tag(),
    };
    // A full ring: the guest asks again.
    this.#put(buildArpReply(bytes, at, reply));
  }
}
