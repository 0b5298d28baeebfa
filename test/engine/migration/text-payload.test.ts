import { describe, expect, it } from 'vitest';
import { NOTICE_MAX_BYTES, REASON_MAX_LENGTH } from '../../../src/engine/migration/protocol';
import { noticePayload, parseNotice } from '../../../src/engine/migration/text-payload';

describe('a reason on the wire', () => {
  it('arrives as it was given', () => {
    expect(parseNotice(noticePayload('Host B is closed – sorry.'))).toBe(
      'Host B is closed – sorry.',
    );
  });

  it('is cut when it is long', () => {
    expect(parseNotice(noticePayload('x'.repeat(5000)))).toBe('x'.repeat(REASON_MAX_LENGTH));
  });

  it('fits a message even where each character takes six bytes', () => {
    const payload = noticePayload('\u0001'.repeat(REASON_MAX_LENGTH));
    expect(payload.length).toBeLessThanOrEqual(NOTICE_MAX_BYTES);
  });

  it('brings no control characters to a terminal', () => {
    expect(parseNotice(noticePayload('a\u001b[31mb\nc'))).toBe('a [31mb c');
  });
});
