/** A guest that checks the generator's frames counts each one that is not as it was sent. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { VirtualMachine } from '../../../src/engine/vm/virtual-machine';
import { writeGeneratorFrames } from '../../../src/engine/link/generator-frames';
import { buildArpRequest } from '../../../src/engine/wire/arp';
import { parseIpv4Address } from '../../../src/shared/ipv4-address';
import { BROADCAST_MAC, parseMacAddress } from '../../../src/shared/mac-address';
import { writeWorkload } from '../../../src/engine/vm/guest-image';
import { InlineHost } from '../../support/inline-host';

const MAC = '02:00:5e:10:00:01';
/** Not a multiple of eight, so that the comparison has a rest. */
const FRAME_BYTES = 133;
const STAMPS = { kind: 'responder', stamps: true } as const;

/** A frame of the generator with this number. */
function stamped(number: number, frameBytes = FRAME_BYTES): Buffer {
  const bytes = Buffer.alloc(4096);
  writeGeneratorFrames(bytes, 0, {
    kind: 'generator',
    id: 'generator',
    name: 'generator',
    plug: { at: 'fabric' },
    targets: [{ mac: MAC }],
    sourceMac: '02:00:5e:fe:00:01',
    frameBytes,
    rate: { mode: 'maximum' },
    frames: 0,
  });
  const frame = bytes.subarray(0, frameBytes);
  frame.writeBigUInt64LE(BigInt(number), frameBytes - 8);
  return frame;
}

/** The same with one bit of the octet at `at` changed. */
function damaged(number: number, at: number): Buffer {
  const frame = stamped(number);
  frame.writeUInt8(frame.readUInt8(at) ^ 0x10, at);
  return frame;
}

let host: InlineHost;
let vm: VirtualMachine;

beforeEach(async () => {
  host = await InlineHost.create();
  vm = await host.addVm('web', { mac: MAC, workload: STAMPS });
});

function receive(...frames: readonly Uint8Array[]): void {
  for (const frame of frames) expect(host.receive(frame)).toBe(true);
  host.threads.settle();
}

describe('a guest with stamps', () => {
  it('finds nothing wrong with frames in order, of which some were dropped', () => {
    receive(...[0, 1, 2, 5, 1000, 2 ** 40].map((number) => stamped(number)));
    expect(vm.snapshot().guest.stamps).toEqual({ checked: 6, corrupt: 0, outOfOrder: 0 });
  });

  it.each([6, 11, 40, 63, 120, FRAME_BYTES - 9])(
    'counts a frame whose octet %i is damaged',
    (at) => {
      receive(stamped(1), damaged(2, at), stamped(3));
      expect(vm.snapshot().guest.stamps).toEqual({ checked: 3, corrupt: 1, outOfOrder: 0 });
    },
  );

  it.each([FRAME_BYTES - 1, FRAME_BYTES + 1])('counts a frame of %i octets as corrupt', (bytes) => {
    receive(stamped(1), stamped(2, bytes), stamped(3));
    expect(vm.snapshot().guest.stamps).toEqual({ checked: 3, corrupt: 1, outOfOrder: 0 });
  });

  it('counts a frame that comes twice', () => {
    receive(stamped(1), stamped(2), stamped(2), stamped(3));
    expect(vm.snapshot().guest.stamps).toEqual({ checked: 4, corrupt: 0, outOfOrder: 1 });
  });

  it('counts a frame that was overtaken', () => {
    receive(stamped(1), stamped(3), stamped(2), stamped(4));
    expect(vm.snapshot().guest.stamps).toEqual({ checked: 4, corrupt: 0, outOfOrder: 1 });
  });

  it('leaves frames alone that are not of the generator', () => {
    const bytes = new Uint8Array(200);
    const arp = buildArpRequest(bytes, 0, {
      senderMac: parseMacAddress('02:00:5e:cc:00:01'),
      senderIp: parseIpv4Address('10.0.10.99'),
      targetIp: parseIpv4Address('10.0.10.11'),
    });
    const toAll = stamped(9);
    toAll.set(Buffer.from(BROADCAST_MAC.replaceAll(':', ''), 'hex'));
    receive(bytes.slice(0, arp), stamped(1), toAll, stamped(2));
    expect(vm.snapshot().guest.sunkFrames).toBe(4);
    expect(vm.snapshot().guest.stamps).toEqual({ checked: 2, corrupt: 0, outOfOrder: 0 });
  });

  it('begins anew when its workload is set', () => {
    receive(stamped(7), stamped(6));
    writeWorkload(host.memory, vm.memory, STAMPS, host.threads.nowNs);
    expect(vm.snapshot().guest.stamps).toEqual({ checked: 0, corrupt: 0, outOfOrder: 0 });
    receive(stamped(0, 64), stamped(1, 64));
    expect(vm.snapshot().guest.stamps).toEqual({ checked: 2, corrupt: 0, outOfOrder: 0 });
  });
});

it('does not report a check that the guest does not make', async () => {
  const plain = await host.addVm('plain', { mac: '02:00:5e:10:00:02' });
  expect(plain.snapshot().guest.stamps).toBeUndefined();
});
