/** How an embedded guest answers probes, through the real kernels, on the test's own thread. */
import { beforeEach, describe, expect, it } from 'vitest';
import { G_BASE, G_FLOWS, GUEST_FLOW_SIZE, GUEST_FLOWS } from '../../../src/engine/kernel/layout';
import type { VirtualMachine } from '../../../src/engine/vm/virtual-machine';
import { decodeFrame } from '../../../src/engine/wire/frame-summary';
import {
  ACCOUNT_SEQUENCE,
  findProbe,
  PROBE_BYTES,
  PROBE_UDP_PORT,
  readProbeAccount,
  readProbeFlowId,
  readProbeSequence,
  writeProbe,
  type ProbeAccount,
} from '../../../src/engine/wire/probe';
import { buildUdpFrame } from '../../../src/engine/wire/udp';
import { parseIpv4Address } from '../../../src/shared/ipv4-address';
import { parseMacAddress } from '../../../src/shared/mac-address';
import { InlineHost } from '../../support/inline-host';

const MS = 1_000_000;
const VM = { mac: '02:00:5e:10:00:01', ipv4: '10.0.10.11', vlan: 10 };

let host: InlineHost;
let vm: VirtualMachine;

beforeEach(async () => {
  host = await InlineHost.create();
  vm = await host.addVm('web', VM);
});

function echoRequest(payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(256);
  const length = buildUdpFrame(
    bytes,
    0,
    {
      destination: parseMacAddress(VM.mac),
      source: parseMacAddress('02:00:5e:fd:00:00'),
      vlan: { vlanId: VM.vlan },
    },
    { source: parseIpv4Address('10.0.10.250'), destination: parseIpv4Address(VM.ipv4) },
    { sourcePort: PROBE_UDP_PORT, destinationPort: 7, payload },
  );
  return bytes.slice(0, length);
}

function probe(flowId: number, sequence: number): Uint8Array {
  const payload = new Uint8Array(PROBE_BYTES);
  writeProbe(payload, 0, { flowId, sequence, sendTimeNs: 5 });
  return payload;
}

/** The guest's answer to a payload that comes in at `atMs`. */
function answerTo(payload: Uint8Array, atMs = 0): Uint8Array {
  host.threads.nowNs = 2e9 + atMs * MS;
  host.receive(echoRequest(payload));
  host.threads.settle();
  const [answer, ...others] = host.sent();
  if (!answer || others.length > 0) throw new Error(`${others.length} answers too many or too few`);
  return answer;
}

function accountIn(answer: Uint8Array): ProbeAccount {
  const account = { answers: 0, sinceNs: 0, receivedNs: 0, longestGapNs: 0 };
  readProbeAccount(answer, findProbe(answer, 0, answer.length), account);
  return account;
}

/** The account in the answer to a probe, times in whole ms since the test's own start. */
function accountOf(flowId: number, sequence: number, atMs: number) {
  const { answers, ...times } = accountIn(answerTo(probe(flowId, sequence), atMs));
  const toMs = (ns: number): number => Math.round((ns - 2e9) / MS);
  return {
    answers,
    since: toMs(times.sinceNs),
    received: toMs(times.receivedNs),
    longestGap: Math.round(times.longestGapNs / MS),
  };
}

describe('a guest that is probed', () => {
  it('sends the stamp back with the number of its answer and the time of receipt', () => {
    const answer = answerTo(probe(0x01020304, 9), 3);
    const at = findProbe(answer, 0, answer.length);
    expect([readProbeFlowId(answer, at), readProbeSequence(answer, at)]).toEqual([0x01020304, 9]);
    const { answers, sinceNs, receivedNs, longestGapNs } = accountIn(answer);
    expect([answers, longestGapNs]).toEqual([1, 0]);
    expect(receivedNs).toBe(sinceNs);
    // A few turns lie between the wire and the guest, 0.01 ms each.
    expect(receivedNs).toBeGreaterThan(2e9 + 3 * MS);
    expect(receivedNs).toBeLessThan(2e9 + 4 * MS);
  });

  it('makes answers that are valid frames, with the UDP checksum left out', () => {
    const answer = answerTo(probe(1, 0));
    expect(decodeFrame(answer)).toMatchObject({
      tags: [{ vlanId: 10 }],
      payload: { isChecksumValid: true, payload: { kind: 'udp', isChecksumValid: true } },
    });
    const udp = 18 + 20;
    expect(answer.slice(udp + 6, udp + 8)).toEqual(new Uint8Array(2));
  });

  it('counts answers and keeps the longest time between two probes', () => {
    expect(accountOf(1, 0, 0)).toEqual({ answers: 1, since: 0, received: 0, longestGap: 0 });
    expect(accountOf(1, 1, 5)).toEqual({ answers: 2, since: 0, received: 5, longestGap: 5 });
    expect(accountOf(1, 3, 25)).toEqual({ answers: 3, since: 0, received: 25, longestGap: 20 });
    expect(accountOf(1, 3, 30)).toEqual({ answers: 4, since: 0, received: 30, longestGap: 20 });
  });

  it('answers a request for the account alone and does not count it', () => {
    accountOf(1, 0, 0);
    accountOf(1, 1, 2);
    const account = { answers: 2, since: 0, received: 2, longestGap: 2 };
    expect(accountOf(1, ACCOUNT_SEQUENCE, 40)).toEqual(account);
    expect(accountOf(1, 2, 41)).toMatchObject({ answers: 3, longestGap: 39 });
    // Of a flow that it does not know it says nothing, and remembers nothing.
    expect(accountIn(answerTo(probe(2, ACCOUNT_SEQUENCE))).answers).toBe(0);
    expect(accountOf(2, 0, 50)).toMatchObject({ answers: 1, since: 50 });
  });

  it('keeps flows apart, and forgets the one that was silent longest when there are too many', () => {
    for (let flow = 1; flow <= GUEST_FLOWS; flow++) accountOf(flow, 0, flow);
    accountOf(1, 1, 20);
    expect(accountOf(99, 0, 30)).toMatchObject({ answers: 1, since: 30 });
    expect(accountOf(1, 2, 40)).toMatchObject({ answers: 3, since: 1 });
    expect(accountOf(3, 1, 50)).toMatchObject({ answers: 2, since: 3 });
    expect(accountOf(2, 1, 60)).toMatchObject({ answers: 1, since: 60 });
  });

  it('keeps its accounts in its own memory, where a migration takes them along', () => {
    accountOf(1, 0, 0);
    accountOf(1, 1, 1);
    const at = vm.memory + G_BASE + G_FLOWS;
    const length = GUEST_FLOWS * GUEST_FLOW_SIZE;
    const carried = host.memory.u8.slice(at, at + length);
    host.memory.u8.fill(0, at, at + length);
    expect(accountOf(1, 2, 2)).toMatchObject({ answers: 1, since: 2 });
    host.memory.u8.set(carried, at);
    expect(accountOf(1, 3, 3)).toMatchObject({ answers: 3, since: 0 });
  });

  it.each([
    ['a payload without the mark of a probe', (bytes: Uint8Array) => bytes.fill(7)],
    ['a probe that is one byte short', (bytes: Uint8Array) => bytes.slice(0, PROBE_BYTES - 1)],
    ['a probe of flow 0, which is none', (bytes: Uint8Array) => bytes.fill(0, 4, 8)],
  ])('sends back unchanged, checksum included, %s', (_, change) => {
    const payload = change(probe(1, 0));
    const udp = 18 + 20;
    const answer = answerTo(payload);
    expect(answer.slice(udp + 8, udp + 8 + payload.length)).toEqual(payload);
    expect(answer.slice(udp + 6, udp + 8)).not.toEqual(new Uint8Array(2));
    expect(decodeFrame(answer)).toMatchObject({ payload: { payload: { isChecksumValid: true } } });
    expect(vm.snapshot().guest.udpEchoes).toBe(1);
  });
});
