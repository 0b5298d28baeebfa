import { describe, expect, it } from 'vitest';
import { parseDeviceState, type NicState } from '../../../src/engine/migration/device-state';
import { refusal } from './support/a-move';
import { A_DEVICE_STATE } from './support/fake-vms';

const MEMORY_BYTES = 0x10000;
const QUEUE = {
  size: 8,
  descriptors: 0x1000,
  avail: 0x2000,
  used: 0x3000,
  lastAvail: 0,
  usedNext: 0,
};
const NIC: NicState = { receive: QUEUE, transmit: QUEUE, receiveSpares: [], marker: null };

const withReceive = (changes: object): unknown => ({
  nics: [{ ...NIC, receive: { ...QUEUE, ...changes } }],
});

describe('parseDeviceState', () => {
  it('takes what a source sends', () => {
    expect(parseDeviceState(A_DEVICE_STATE, MEMORY_BYTES)).toEqual(A_DEVICE_STATE);
  });

  it('takes a queue that ends with the memory', () => {
    const state = withReceive({ used: MEMORY_BYTES - 4 - 8 * 8 });
    expect(parseDeviceState(state, MEMORY_BYTES)).toEqual(state);
  });

  it('takes a queue that the driver has not set up', () => {
    const state = withReceive({ size: 0, descriptors: 0, avail: 0, used: 0 });
    expect(parseDeviceState(state, MEMORY_BYTES)).toEqual(state);
  });

  it.each([
    { name: 'nothing', state: null },
    { name: 'too many NICs', state: { nics: Array.from({ length: 5 }, () => NIC) } },
    { name: 'an unknown field', state: { nics: [], more: 1 } },
    { name: 'a size that is no power of two', state: withReceive({ size: 12 }) },
    { name: 'a size beyond virtio', state: withReceive({ size: 65_536 }) },
    { name: 'a fraction', state: withReceive({ size: 0.5 }) },
    { name: 'descriptors that are not aligned', state: withReceive({ descriptors: 0x1008 }) },
    { name: 'descriptors beyond the memory', state: withReceive({ descriptors: 0xff90 }) },
    { name: 'an avail ring beyond the memory', state: withReceive({ avail: 0xfffe }) },
    { name: 'a used ring one byte too far', state: withReceive({ used: MEMORY_BYTES - 64 }) },
    { name: 'a sum that wraps', state: withReceive({ used: 0xffff_fffc }) },
    { name: 'a negative address', state: withReceive({ used: -4 }) },
    { name: 'an index beyond 16 bits', state: withReceive({ usedNext: 0x10000 }) },
    { name: 'a spare that does not exist', state: { nics: [{ ...NIC, receiveSpares: [8] }] } },
    { name: 'a spare twice', state: { nics: [{ ...NIC, receiveSpares: [3, 1, 3] }] } },
  ])('refuses $name', ({ state }) => {
    expect(() => parseDeviceState(state, MEMORY_BYTES)).toThrow(
      refusal('migration-stream-invalid'),
    );
  });
});
