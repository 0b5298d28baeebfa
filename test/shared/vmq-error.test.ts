import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UNEXPECTED_ERROR_CODE, VmqError } from '../../src/shared/vmq-error';

describe('VmqError', () => {
  it('keeps code, message, data and cause on the way through a payload', () => {
    const cause = new VmqError('ring-corrupt', 'index beyond capacity', { data: { index: 9 } });
    const error = new VmqError('queue-stopped', 'queue 3 stopped', { data: { queue: 3 }, cause });
    const copy = VmqError.fromPayload(structuredClone(error.toPayload()));
    expect(copy.toPayload()).toEqual(error.toPayload());
    expect(copy.cause).toBeInstanceOf(VmqError);
  });

  it('carries the message of an error of the platform as its cause', () => {
    const error = new VmqError('link-closed', 'link closed', { cause: new TypeError('bad port') });
    expect(error.toPayload().cause).toEqual({
      code: UNEXPECTED_ERROR_CODE,
      message: 'bad port',
      data: {},
    });
  });

  it('describes a cause that is not an error', () => {
    expect(new VmqError('a', 'b', { cause: 'text' }).toPayload().cause?.message).toBe('text');
    expect(new VmqError('a', 'b', { cause: 7 }).toPayload().cause?.message).toContain('number');
  });

  it('cuts a chain of causes that never ends', () => {
    const error = new VmqError('loop', 'loop');
    error.cause = error;
    expect(JSON.stringify(error.toPayload()).match(/"cause"/g)).toHaveLength(8);
  });

  it('leaves out data that cannot be cloned', () => {
    const payload = { code: 'a', message: 'b', data: { good: 1, bad: () => 1, worse: {} } };
    expect(VmqError.fromPayload(payload).data).toEqual({ good: 1 });
  });

  it('makes an error of anything that arrives', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true }), (payload) => {
        expect(VmqError.fromPayload(payload)).toBeInstanceOf(VmqError);
      }),
    );
  });
});
