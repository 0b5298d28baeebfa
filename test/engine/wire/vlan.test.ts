import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  TAGGED_HEADER_BYTES,
  copyWithVlanTag,
  copyWithoutVlanTag,
  hasVlanTag,
  insertVlanTag,
  payloadOffset,
  readPayloadEtherType,
  readVlanId,
  readVlanTci,
  stripVlanTag,
} from '../../../src/engine/wire/vlan';
import { isDropEligible, makeTci, priorityOf, vlanIdOf } from '../../../src/engine/wire/vlan-tag';
import { bytesOf } from './frame-bytes';

const untagged = bytesOf('02005e100001 02005ecc0001 0800 4500aabb');
const tagged = bytesOf('02005e100001 02005ecc0001 8100 a00a 0800 4500aabb');

/** Frames with a whole header that are not tagged already. */
const untaggedFrames = fc
  .uint8Array({ minLength: 14, maxLength: 100 })
  .filter((bytes) => !hasVlanTag(bytes, 0, bytes.length));
const tcis = fc.nat(0xffff);

describe('tag control information', () => {
  it('is made of priority, drop indicator and VLAN id and comes apart again', () => {
    fc.assert(
      fc.property(fc.nat(4094), fc.nat(7), fc.boolean(), (vlanId, priority, dropEligible) => {
        const tci = makeTci({ vlanId, priority, dropEligible });
        expect([vlanIdOf(tci), priorityOf(tci), isDropEligible(tci)]).toEqual([
          vlanId,
          priority,
          dropEligible,
        ]);
      }),
    );
  });

  it('refuses the reserved VLAN id 4095', () => {
    expect(() => makeTci({ vlanId: 4095 })).toThrow('VLAN id: expected a whole number from 0');
  });

  it('refuses a priority above 7', () => {
    expect(() => makeTci({ vlanId: 1, priority: 8 })).toThrow('VLAN priority');
  });
});

describe('a tagged frame', () => {
  it('shows its tag, EtherType and payload', () => {
    expect(hasVlanTag(tagged, 0, tagged.length)).toBe(true);
    expect(readVlanTci(tagged, 0)).toBe(0xa00a);
    expect(readVlanId(tagged, 0, tagged.length)).toBe(10);
    expect(readPayloadEtherType(tagged, 0, tagged.length)).toBe(0x0800);
    expect(payloadOffset(tagged, 0, tagged.length)).toBe(18);
  });

  it('counts as untagged when it is cut within the tag', () => {
    expect(hasVlanTag(tagged, 0, TAGGED_HEADER_BYTES - 1)).toBe(false);
    expect(readVlanId(tagged, 0, TAGGED_HEADER_BYTES - 1)).toBe(0);
  });

  it('does not count as tagged for a service tag', () => {
    const serviceTagged = Uint8Array.from(tagged);
    serviceTagged.set([0x88, 0xa8], 12);
    expect(hasVlanTag(serviceTagged, 0, serviceTagged.length)).toBe(false);
  });
});

describe('an untagged frame', () => {
  it('has VLAN id 0 and its payload behind 14 bytes', () => {
    expect(readVlanId(untagged, 0, untagged.length)).toBe(0);
    expect(readPayloadEtherType(untagged, 0, untagged.length)).toBe(0x0800);
    expect(payloadOffset(untagged, 0, untagged.length)).toBe(14);
  });
});

describe('insertVlanTag and stripVlanTag', () => {
  it('make a tagged frame and the untagged one again', () => {
    const buffer = new Uint8Array(64);
    buffer.set(untagged, 8);
    const taggedLength = insertVlanTag(buffer, 8, untagged.length, 0xa00a);
    expect(buffer.subarray(4, 4 + taggedLength)).toEqual(tagged);
    const length = stripVlanTag(buffer, 4, taggedLength);
    expect(buffer.subarray(8, 8 + length)).toEqual(untagged);
  });

  it('leave every byte of the frame as it was', () => {
    fc.assert(
      fc.property(untaggedFrames, tcis, (frame, tci) => {
        const buffer = new Uint8Array(frame.length + 4);
        buffer.set(frame, 4);
        const taggedLength = insertVlanTag(buffer, 4, frame.length, tci);
        expect(readVlanTci(buffer, 0)).toBe(tci);
        expect(stripVlanTag(buffer, 0, taggedLength)).toBe(frame.length);
        expect(buffer.subarray(4)).toEqual(frame);
      }),
    );
  });

  it('leaves an untagged frame alone when asked to strip it', () => {
    const copy = Uint8Array.from(untagged);
    expect(stripVlanTag(copy, 0, copy.length)).toBe(untagged.length);
    expect(copy).toEqual(untagged);
  });

  it('refuses to insert without four free bytes before the frame', () => {
    expect(() => insertVlanTag(Uint8Array.from(untagged), 0, untagged.length, 10)).toThrow(
      'at offset -4',
    );
  });

  it('refuses to insert into a frame without a whole header', () => {
    expect(() => insertVlanTag(new Uint8Array(32), 8, 13, 10)).toThrow('frame length');
  });
});

describe('copyWithVlanTag and copyWithoutVlanTag', () => {
  it('agree with the forms that work in place', () => {
    fc.assert(
      fc.property(untaggedFrames, tcis, (frame, tci) => {
        const target = new Uint8Array(frame.length + 7);
        const taggedLength = copyWithVlanTag(frame, 0, frame.length, tci, target, 3);
        const inPlace = new Uint8Array(frame.length + 4);
        inPlace.set(frame, 4);
        insertVlanTag(inPlace, 4, frame.length, tci);
        expect(target.subarray(3, 3 + taggedLength)).toEqual(inPlace);

        const back = new Uint8Array(frame.length);
        expect(copyWithoutVlanTag(target, 3, taggedLength, back, 0)).toBe(frame.length);
        expect(back).toEqual(frame);
      }),
    );
  });

  it('copies a frame without a tag as it is, even one shorter than a header', () => {
    const target = new Uint8Array(8);
    expect(copyWithoutVlanTag(Uint8Array.of(1, 2, 3), 0, 3, target, 1)).toBe(3);
    expect([...target]).toEqual([0, 1, 2, 3, 0, 0, 0, 0]);
  });

  it('refuses a target that is too small and writes nothing', () => {
    const target = new Uint8Array(untagged.length);
    expect(() => copyWithVlanTag(untagged, 0, untagged.length, 10, target, 0)).toThrow(
      'frame access',
    );
    expect(target.every((octet) => octet === 0)).toBe(true);
  });
});
