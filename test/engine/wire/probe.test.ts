import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFrame } from '../../../src/engine/wire/frame-summary';
import {
  NO_PROBE,
  PROBE_BYTES,
  PROBE_UDP_PORT,
  buildProbeFrame,
  findProbe,
  readProbeAccount,
  readProbeFlowId,
  readProbeSendTimeNs,
  readProbeSequence,
  writeProbe,
} from '../../../src/engine/wire/probe';
import { buildUdpFrame } from '../../../src/engine/wire/udp';
import { FRAME_OFFSET, IP_TO_VM, TO_VM, TO_VM_TAGGED, built, bytesOf } from './frame-bytes';

const probe = { flowId: 3, sequence: 0xffffffff, sendTimeNs: 1_234_567_890_123 };

describe('writeProbe', () => {
  it('writes magic, flow, sequence and time in network order, and no account', () => {
    const payload = built((bytes, at) => writeProbe(bytes, at, { ...probe, sendTimeNs: 1.5 }));
    const stamp = '564d5150 00000003 ffffffff 3ff8000000000000';
    expect(payload).toEqual(bytesOf(stamp + '00'.repeat(28)));
    expect(payload).toHaveLength(PROBE_BYTES);
  });

  it('refuses a sequence that does not fit in 32 bits', () => {
    expect(() => writeProbe(new Uint8Array(32), 0, { ...probe, sequence: 2 ** 32 })).toThrow(
      'probe sequence',
    );
  });
});

describe('readProbeAccount', () => {
  it('reads what a guest wrote behind the stamp', () => {
    const payload = bytesOf(
      '00'.repeat(20) + '00000102 3ff8000000000000 4008000000000000 7ff8000000000000',
    );
    const account = { answers: 0, sinceNs: 0, receivedNs: 0, longestGapNs: 0 };
    readProbeAccount(payload, 0, account);
    expect(account).toEqual({
      answers: 258,
      sinceNs: 1.5,
      receivedNs: 3,
      longestGapNs: Number.NaN,
    });
  });
});

describe('findProbe', () => {
  it('finds the stamp in a tagged and in an untagged frame, wherever the frame lies', () => {
    const anyProbe = fc.record({
      flowId: fc.nat(0xffffffff),
      sequence: fc.nat(0xffffffff),
      sendTimeNs: fc.double(),
    });
    fc.assert(
      fc.property(anyProbe, fc.constantFrom(TO_VM, TO_VM_TAGGED), (stamp, ethernet) => {
        const bytes = new Uint8Array(128);
        const length = buildProbeFrame(bytes, FRAME_OFFSET, ethernet, IP_TO_VM, stamp);
        const at = findProbe(bytes, FRAME_OFFSET, length);
        expect([readProbeFlowId(bytes, at), readProbeSequence(bytes, at)]).toEqual([
          stamp.flowId,
          stamp.sequence,
        ]);
        expect(readProbeSendTimeNs(bytes, at)).toBe(stamp.sendTimeNs);
      }),
    );
  });

  it('finds none in another datagram to the same port', () => {
    const datagram = {
      sourcePort: 1,
      destinationPort: PROBE_UDP_PORT,
      payload: new Uint8Array(PROBE_BYTES),
    };
    const frame = built((bytes, at) => buildUdpFrame(bytes, at, TO_VM, IP_TO_VM, datagram));
    expect(findProbe(frame, 0, frame.length)).toBe(NO_PROBE);
  });

  it('finds none in a probe that is cut anywhere', () => {
    const frame = built((bytes, at) => buildProbeFrame(bytes, at, TO_VM, IP_TO_VM, probe));
    const found = Array.from({ length: frame.length }, (_, length) => findProbe(frame, 0, length));
    expect(new Set(found)).toEqual(new Set([NO_PROBE]));
  });

  it('never reads beyond any bytes that arrive', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 128 }), (bytes) => {
        expect(findProbe(bytes, 0, bytes.length)).toBeGreaterThanOrEqual(NO_PROBE);
      }),
    );
  });

  it('shows in the summary of a frame', () => {
    const frame = built((bytes, at) => buildProbeFrame(bytes, at, TO_VM, IP_TO_VM, probe));
    expect(decodeFrame(frame)).toMatchObject({ payload: { payload: { kind: 'udp', probe } } });
  });
});
