import { describe, expect, it } from 'vitest';
import { buildArpReply, buildArpRequest, isArpPacket } from '../../../src/engine/wire/arp';
import { decodeFrame } from '../../../src/engine/wire/frame-summary';
import { buildRarpAnnounce } from '../../../src/engine/wire/rarp';
import { BROADCAST_MAC, ZERO_MAC } from '../../../src/shared/mac-address';
import { CLIENT_IP, CLIENT_MAC, VM_IP, VM_MAC, built, bytesOf } from './frame-bytes';

const request = { senderMac: CLIENT_MAC, senderIp: CLIENT_IP, targetIp: VM_IP };

describe('buildArpRequest', () => {
  it('asks everyone, with the target MAC left open and the frame filled to 60 bytes', () => {
    const frame = built((bytes, at) => buildArpRequest(bytes, at, request));
    expect(frame.subarray(0, 42)).toEqual(
      bytesOf(`ffffffffffff 02005ecc0001 0806
               0001 0800 06 04 0001 02005ecc0001 0a000a65 000000000000 0a000a0b`),
    );
    expect(frame).toHaveLength(60);
    expect(frame.subarray(42).every((octet) => octet === 0)).toBe(true);
  });

  it('carries the tag that is asked for', () => {
    const frame = built((bytes, at) =>
      buildArpRequest(bytes, at, { ...request, vlan: { vlanId: 10 } }),
    );
    expect(decodeFrame(frame)).toMatchObject({
      destination: BROADCAST_MAC,
      tags: [{ vlanId: 10 }],
      payload: { kind: 'arp', operation: 1, targetMac: ZERO_MAC, targetIp: VM_IP },
    });
  });
});

describe('buildArpReply', () => {
  it('answers the asker alone', () => {
    const reply = {
      senderMac: VM_MAC,
      senderIp: VM_IP,
      targetMac: CLIENT_MAC,
      targetIp: CLIENT_IP,
    };
    const frame = built((bytes, at) => buildArpReply(bytes, at, reply));
    expect(decodeFrame(frame)).toMatchObject({
      destination: CLIENT_MAC,
      source: VM_MAC,
      payload: { kind: 'arp', operation: 2, ...reply },
    });
  });
});

describe('buildRarpAnnounce', () => {
  it('asks everyone for the own address of the station, in its VLAN', () => {
    const frame = built((bytes, at) => buildRarpAnnounce(bytes, at, VM_MAC, { vlanId: 20 }));
    expect(frame.subarray(0, 46)).toEqual(
      bytesOf(`ffffffffffff 02005e100001 8100 0014 8035
               0001 0800 06 04 0003 02005e100001 00000000 02005e100001 00000000`),
    );
    expect(frame).toHaveLength(60);
  });

  it('is untagged when no VLAN is given', () => {
    const frame = built((bytes, at) => buildRarpAnnounce(bytes, at, VM_MAC));
    expect(decodeFrame(frame)).toMatchObject({ tags: [], payload: { kind: 'rarp', operation: 3 } });
  });
});

describe('isArpPacket', () => {
  const packet = bytesOf('0001 0800 06 04 0001 02005ecc0001 0a000a65 000000000000 0a000a0b');

  it('accepts 28 bytes for Ethernet and IPv4', () => {
    expect(isArpPacket(packet, 0, 28)).toBe(true);
  });

  it('rejects a packet that is cut short', () => {
    expect(isArpPacket(packet, 0, 27)).toBe(false);
  });

  it.each([1, 3, 4, 5])('rejects other hardware, protocol or address lengths (byte %d)', (at) => {
    const other = Uint8Array.from(packet);
    other[at] = 9;
    expect(isArpPacket(other, 0, 28)).toBe(false);
  });
});
