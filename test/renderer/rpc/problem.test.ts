import { ORPCError } from '@orpc/client';
import { describe, expect, it } from 'vitest';
import { problemOf } from '../../../src/renderer/rpc/problem';

describe('problemOf', () => {
  it('keeps what, why, remedy, code and field of a refusal', () => {
    const data = {
      code: 'duplicate-mac',
      what: 'Taken.',
      why: 'web-01 has it.',
      remedy: 'Choose another.',
      field: 'nics.0.mac',
    };
    expect(problemOf(new ORPCError('REFUSED', { data }))).toEqual(data);
  });

  it('does not trust a refusal that is not well formed', () => {
    expect(problemOf(new ORPCError('REFUSED', { data: { what: 1 } })).code).toBe('refused');
  });

  it('says that the connection is closed when a call could not be sent', () => {
    expect(problemOf(new Error('Cannot send message, WebSocket is not open.')).code).toBe(
      'connection-closed',
    );
  });

  it('gives anything else a code and its message', () => {
    expect(problemOf(new Error('boom'))).toMatchObject({ code: 'unexpected', why: 'boom' });
  });
});
