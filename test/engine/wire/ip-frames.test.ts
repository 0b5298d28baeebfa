import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFrame } from '../../../src/engine/wire/frame-summary';
import { buildIcmpEchoFrame } from '../../../src/engine/wire/icmp';
import { buildIcmpv6EchoFrame } from '../../../src/engine/wire/icmpv6';
import { ipv4HeaderBytes, writeIpv4Header } from '../../../src/engine/wire/ipv4';
import { formatIpv6Address } from '../../../src/engine/wire/ipv6-address';
import { buildUdpFrame } from '../../../src/engine/wire/udp';
import { parseIpv4Address } from '../../../src/shared/ipv4-address';
import { CLIENT_IP, IP_TO_VM, TO_VM, TO_VM_TAGGED, VM_IP, built, bytesOf } from './frame-bytes';

const uint16 = fc.nat(0xffff);
const data = fc.uint8Array({ maxLength: 1400 });
const headers = fc.constantFrom(TO_VM, TO_VM_TAGGED);

describe('writeIpv4Header', () => {
  it('writes a known header with its checksum', () => {
    const header = built((bytes, at) =>
      writeIpv4Header(bytes, at, {
        source: parseIpv4Address('192.168.0.1'),
        destination: parseIpv4Address('192.168.0.199'),
        protocol: 17,
        payloadBytes: 95,
      }),
    );
    expect(header).toEqual(bytesOf('4500 0073 0000 4000 4011 b861 c0a80001 c0a800c7'));
  });

  it.each([
    [{ ttl: 256 }, 'IPv4 time to live'],
    [{ identification: -1 }, 'IPv4 identification'],
    [{ payloadBytes: 65_516 }, 'IPv4 payload length'],
    [{ protocol: 256 }, 'IPv4 protocol'],
  ])('refuses %o', (fields, name) => {
    const header = { ...IP_TO_VM, protocol: 17, payloadBytes: 0, ...fields };
    expect(() => writeIpv4Header(new Uint8Array(64), 0, header)).toThrow(name);
  });
});

describe('ipv4HeaderBytes', () => {
  const header = bytesOf('4500 0014 0000 4000 4011 0000 c0a80001 c0a800c7');

  it('returns the header length of a whole packet', () => {
    expect(ipv4HeaderBytes(header, 0, 20)).toBe(20);
  });

  it.each([
    ['another version', 0, 0x65],
    ['a header length below 20', 0, 0x44],
    ['a header longer than the packet', 0, 0x46],
    ['a packet longer than the frame', 3, 0x15],
    ['a packet shorter than its header', 3, 0x13],
  ])('returns 0 for %s', (_, at, octet) => {
    const wrong = Uint8Array.from(header);
    wrong[at] = octet;
    expect(ipv4HeaderBytes(wrong, 0, 20)).toBe(0);
  });

  it('returns 0 for a header that is cut short', () => {
    expect(ipv4HeaderBytes(header, 0, 19)).toBe(0);
  });
});

describe('buildIcmpEchoFrame', () => {
  it('gives an empty request with identifier 1 and sequence 1 the checksum 0xf7fd', () => {
    const frame = built((bytes, at) =>
      buildIcmpEchoFrame(bytes, at, TO_VM, IP_TO_VM, 'echoRequest', { identifier: 1, sequence: 1 }),
    );
    expect(frame.subarray(34, 42)).toEqual(bytesOf('0800 f7fd 0001 0001'));
    expect(frame).toHaveLength(60);
  });

  it('makes frames that decode to what was asked, with valid checksums', () => {
    fc.assert(
      fc.property(headers, uint16, uint16, data, (ethernet, identifier, sequence, payload) => {
        const echo = { identifier, sequence, data: payload };
        const frame = built((bytes, at) =>
          buildIcmpEchoFrame(bytes, at, ethernet, IP_TO_VM, 'echoReply', echo),
        );
        expect(decodeFrame(frame)).toMatchObject({
          ...TO_VM,
          payload: {
            source: CLIENT_IP,
            destination: VM_IP,
            isChecksumValid: true,
            payload: { type: 0, echo: { identifier, sequence }, isChecksumValid: true },
          },
        });
      }),
    );
  });
});

describe('buildUdpFrame', () => {
  it('makes frames that decode to what was asked, with valid checksums', () => {
    fc.assert(
      fc.property(
        headers,
        uint16,
        uint16,
        data,
        (ethernet, sourcePort, destinationPort, payload) => {
          const datagram = { sourcePort, destinationPort, payload };
          const frame = built((bytes, at) =>
            buildUdpFrame(bytes, at, ethernet, IP_TO_VM, datagram),
          );
          expect(frame.length).toBeGreaterThanOrEqual(60);
          expect(decodeFrame(frame)).toMatchObject({
            payload: {
              isChecksumValid: true,
              payload: {
                kind: 'udp',
                sourcePort,
                destinationPort,
                payloadBytes: payload.length,
                isChecksumValid: true,
              },
            },
          });
        },
      ),
    );
  });

  it('notices any one changed bit of the payload', () => {
    const datagram = { sourcePort: 7, destinationPort: 7, payload: new Uint8Array(100).fill(0x55) };
    const frame = built((bytes, at) => buildUdpFrame(bytes, at, TO_VM, IP_TO_VM, datagram));
    fc.assert(
      fc.property(fc.nat(99), fc.nat(7), (index, bit) => {
        const damaged = Uint8Array.from(frame);
        damaged[42 + index] = 0x55 ^ (1 << bit);
        expect(decodeFrame(damaged)).toMatchObject({
          payload: { payload: { isChecksumValid: false } },
        });
      }),
    );
  });

  it('stores a computed checksum of 0 as 0xffff', () => {
    // Addresses, protocol, lengths and ports add up to 0xffff with this payload word.
    const sum = 0x0a00 + 0x0a65 + 0x0a00 + 0x0a0b + 17 + 10 + 10 + 7 + 7;
    const payload = Uint8Array.of((0xffff - sum) >>> 8, (0xffff - sum) & 0xff);
    const datagram = { sourcePort: 7, destinationPort: 7, payload };
    const frame = built((bytes, at) => buildUdpFrame(bytes, at, TO_VM, IP_TO_VM, datagram));
    expect(frame.subarray(40, 42)).toEqual(bytesOf('ffff'));
    expect(decodeFrame(frame)).toMatchObject({ payload: { payload: { isChecksumValid: true } } });
  });

  it('accepts a datagram whose sender left the checksum out', () => {
    const datagram = { sourcePort: 7, destinationPort: 9, payload: Uint8Array.of(1) };
    const frame = built((bytes, at) => buildUdpFrame(bytes, at, TO_VM, IP_TO_VM, datagram));
    frame.set([0, 0], 40);
    expect(decodeFrame(frame)).toMatchObject({ payload: { payload: { isChecksumValid: true } } });
  });

  it('refuses a port that does not exist', () => {
    const datagram = { sourcePort: 65_536, destinationPort: 7, payload: new Uint8Array(0) };
    expect(() => buildUdpFrame(new Uint8Array(100), 0, TO_VM, IP_TO_VM, datagram)).toThrow(
      'UDP source port',
    );
  });
});

describe('buildIcmpv6EchoFrame', () => {
  const ip = {
    source: bytesOf('fe800000000000000000000000000001'),
    destination: bytesOf('fe800000000000000000000000000002'),
  };

  it('gives a known request its checksum', () => {
    const echo = { identifier: 1, sequence: 1 };
    const frame = built((bytes, at) =>
      buildIcmpv6EchoFrame(bytes, at, TO_VM, ip, 'echoRequest', echo),
    );
    // ~(2 * 0xfe80 + 1 + 2 + 8 + 58 + 0x8000 + 1 + 1), carries added back
    expect(frame.subarray(54, 62)).toEqual(bytesOf('8000 82b6 0001 0001'));
  });

  it('makes frames that decode to what was asked, with a valid checksum', () => {
    fc.assert(
      fc.property(headers, uint16, data, (ethernet, sequence, payload) => {
        const echo = { identifier: 7, sequence, data: payload };
        const frame = built((bytes, at) =>
          buildIcmpv6EchoFrame(bytes, at, ethernet, ip, 'echoReply', echo),
        );
        expect(decodeFrame(frame)).toMatchObject({
          payload: {
            kind: 'ipv6',
            source: 'fe80::1',
            destination: 'fe80::2',
            payload: { kind: 'icmpv6', type: 129, echo: { sequence }, isChecksumValid: true },
          },
        });
      }),
    );
  });

  it('refuses an address that is not 16 bytes long', () => {
    const short = { ...ip, source: new Uint8Array(4) };
    const echo = { identifier: 1, sequence: 1 };
    expect(() =>
      buildIcmpv6EchoFrame(new Uint8Array(200), 0, TO_VM, short, 'echoRequest', echo),
    ).toThrow('IPv6 source length: expected a whole number from 16 to 16, got 4');
  });
});

describe('formatIpv6Address', () => {
  it.each([
    ['00000000000000000000000000000000', '::'],
    ['00000000000000000000000000000001', '::1'],
    ['fe800000000000000000000000000000', 'fe80::'],
    ['20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'],
    ['20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
    ['20010db8000100000000000000000001', '2001:db8:1::1'],
  ])('writes %s as %s (RFC 5952)', (hex, text) => {
    expect(formatIpv6Address(bytesOf(hex))).toBe(text);
  });
});
