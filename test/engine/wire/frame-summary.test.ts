import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildArpRequest } from '../../../src/engine/wire/arp';
import { decodeFrame } from '../../../src/engine/wire/frame-summary';
import { buildIcmpEchoFrame } from '../../../src/engine/wire/icmp';
import { buildIcmpv6EchoFrame } from '../../../src/engine/wire/icmpv6';
import { WireError } from '../../../src/engine/wire/octets';
import { buildProbeFrame } from '../../../src/engine/wire/probe';
import {
  CLIENT_IP,
  CLIENT_MAC,
  IP_TO_VM,
  TO_VM_TAGGED,
  VM_IP,
  built,
  bytesOf,
} from './frame-bytes';

const echo = { identifier: 1, sequence: 2, data: new Uint8Array(40) };
const ipv6 = { source: new Uint8Array(16), destination: new Uint8Array(16) };
const builtFrames = [
  built((bytes, at) =>
    buildArpRequest(bytes, at, { senderMac: CLIENT_MAC, senderIp: CLIENT_IP, targetIp: VM_IP }),
  ),
  built((bytes, at) => buildIcmpEchoFrame(bytes, at, TO_VM_TAGGED, IP_TO_VM, 'echoReply', echo)),
  built((bytes, at) => buildIcmpv6EchoFrame(bytes, at, TO_VM_TAGGED, ipv6, 'echoReply', echo)),
  built((bytes, at) =>
    buildProbeFrame(bytes, at, TO_VM_TAGGED, IP_TO_VM, { flowId: 1, sequence: 2, sendTimeNs: 3 }),
  ),
];

describe('decodeFrame', () => {
  it('shows every tag of a frame, outermost first', () => {
    const frame = bytesOf('02005e100001 02005ecc0001 88a8 0064 8100 b00a 1234 00');
    expect(decodeFrame(frame)).toMatchObject({
      tags: [
        { tagProtocol: 0x88a8, vlanId: 100, priority: 0, dropEligible: false },
        { tagProtocol: 0x8100, vlanId: 10, priority: 5, dropEligible: true },
      ],
      etherType: 0x1234,
      payload: { kind: 'unknown', type: 0x1234, lengthBytes: 1 },
    });
  });

  it('calls a frame without a whole header malformed', () => {
    expect(decodeFrame(new Uint8Array(13))).toEqual({
      kind: 'malformed',
      layer: 'ethernet',
      reason: 'expected at least 14 bytes, got 13',
    });
  });

  it('calls a tag that is cut short malformed', () => {
    const frame = bytesOf('02005e100001 02005ecc0001 8100 000a 08');
    expect(decodeFrame(frame)).toMatchObject({ payload: { kind: 'malformed', layer: 'vlan' } });
  });

  it('does not read the transport layer of a fragment', () => {
    const frame = bytesOf(
      '02005e100001 02005ecc0001 0800 4500 001c 0000 2000 4011 0000 0a000a65 0a000a0b 00070007 00080000',
    );
    expect(decodeFrame(frame)).toMatchObject({
      payload: { payload: { kind: 'fragment', lengthBytes: 8 } },
    });
  });

  it('reads only the range it is given', () => {
    expect(() => decodeFrame(new Uint8Array(20), 10, 14)).toThrow(WireError);
    expect(decodeFrame(new Uint8Array(40), 10, 14)).toMatchObject({ lengthBytes: 14 });
  });

  it('decodes whatever arrives without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decodeFrame(bytes).kind).toMatch(/^(ethernet|malformed)$/);
      }),
    );
  });

  it('decodes built frames that are cut or changed anywhere without throwing', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...builtFrames),
        fc.nat(200),
        fc.array(fc.tuple(fc.nat(100), fc.nat(255)), { maxLength: 4 }),
        (frame, length, changes) => {
          const damaged = frame.slice(0, length);
          for (const [at, octet] of changes) if (at < damaged.length) damaged[at] = octet;
          expect(decodeFrame(damaged).kind).toMatch(/^(ethernet|malformed)$/);
        },
      ),
      { numRuns: 500 },
    );
  });
});
