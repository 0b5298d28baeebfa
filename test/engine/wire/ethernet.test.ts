import { describe, expect, it } from 'vitest';
import {
  ETHER_TYPE,
  MIN_FRAME_BYTES,
  hasEthernetHeader,
  hasGroupDestination,
  padFrame,
  readDestinationHigh,
  readDestinationLow,
  readDestinationMac,
  readEtherType,
  readSourceHigh,
  readSourceLow,
  readSourceMac,
  writeEthernetHeader,
} from '../../../src/engine/wire/ethernet';
import { BROADCAST_MAC } from '../../../src/shared/mac-address';
import { CLIENT_MAC, TO_VM, TO_VM_TAGGED, VM_MAC, built, bytesOf } from './frame-bytes';

describe('writeEthernetHeader', () => {
  it('writes destination, source and EtherType', () => {
    const header = built((bytes, at) => writeEthernetHeader(bytes, at, TO_VM, ETHER_TYPE.ipv4));
    expect(header).toEqual(bytesOf('02005e100001 02005ecc0001 0800'));
  });

  it('writes a tag between source and EtherType when a VLAN is given', () => {
    const header = built((bytes, at) =>
      writeEthernetHeader(bytes, at, TO_VM_TAGGED, ETHER_TYPE.arp),
    );
    expect(header).toEqual(bytesOf('02005e100001 02005ecc0001 8100 a00a 0806'));
  });

  it('refuses a buffer that is too small and writes nothing', () => {
    const bytes = new Uint8Array(17);
    expect(() => writeEthernetHeader(bytes, 0, TO_VM_TAGGED, ETHER_TYPE.arp)).toThrow(
      'expected 18 bytes at offset 0, the array has 17',
    );
    expect(bytes.every((octet) => octet === 0)).toBe(true);
  });
});

describe('the readers of an Ethernet header', () => {
  const header = bytesOf('ffff 02005e100001 02005ecc0001 86dd');

  it('return the addresses as text and as numbers', () => {
    expect(readDestinationMac(header, 2)).toBe(VM_MAC);
    expect(readSourceMac(header, 2)).toBe(CLIENT_MAC);
    expect([readDestinationHigh(header, 2), readDestinationLow(header, 2)]).toEqual([
      0x0200, 0x5e100001,
    ]);
    expect([readSourceHigh(header, 2), readSourceLow(header, 2)]).toEqual([0x0200, 0x5ecc0001]);
    expect(readEtherType(header, 2)).toBe(ETHER_TYPE.ipv6);
  });

  it('tell a group destination from a single one', () => {
    const broadcast = built((bytes, at) =>
      writeEthernetHeader(bytes, at, { ...TO_VM, destination: BROADCAST_MAC }, ETHER_TYPE.arp),
    );
    expect(hasGroupDestination(broadcast, 0)).toBe(true);
    expect(hasGroupDestination(header, 2)).toBe(false);
  });

  it('need 14 bytes', () => {
    expect([13, 14].map(hasEthernetHeader)).toEqual([false, true]);
  });
});

describe('padFrame', () => {
  it('fills a short frame with zeros to 60 bytes', () => {
    const bytes = new Uint8Array(80).fill(0xee);
    expect(padFrame(bytes, 10, 20)).toBe(MIN_FRAME_BYTES);
    expect(bytes.subarray(30, 70).every((octet) => octet === 0)).toBe(true);
    expect([bytes[29], bytes[70]]).toEqual([0xee, 0xee]);
  });

  it('leaves a frame of 60 bytes or more alone', () => {
    const bytes = new Uint8Array(61).fill(0xee);
    expect(padFrame(bytes, 0, 61)).toBe(61);
    expect(bytes.every((octet) => octet === 0xee)).toBe(true);
  });

  it('refuses a buffer without room for the filling', () => {
    expect(() => padFrame(new Uint8Array(59), 0, 20)).toThrow('expected 60 bytes');
  });
});
