import { describe, expect, it } from 'vitest';
import { PAGE_HEADERS as WINDOW_HEADERS } from '../../src/main/page-headers';
import { PAGE_HEADERS as BROWSER_HEADERS } from '../../src/web-server/page-headers';

describe('the headers of the page', () => {
  it('are the same in the window and in browser mode', () => {
    expect(WINDOW_HEADERS).toEqual(BROWSER_HEADERS);
  });

  it('allow scripts and styles of the page itself only', () => {
    const policy = WINDOW_HEADERS['Content-Security-Policy'] ?? '';
    expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
    expect(policy).not.toContain('unsafe');
  });
});
