import { describe, expect, it } from 'vitest';
import { isOwnPage, readConnectRequest } from '../../src/main/connect-request';

const ORIGIN = 'app://vmq-console';

function aPage(url = `${ORIGIN}/index.html#/queues`) {
  const mainFrame = { url };
  return { mainFrame: mainFrame as never, frame: mainFrame };
}

describe('isOwnPage', () => {
  const page = aPage();

  it('accepts the main frame of the window at its own origin', () => {
    expect(isOwnPage({ sender: page, senderFrame: page.frame }, page, ORIGIN)).toBe(true);
  });

  it('refuses other windows, frames inside the page, and frames that are gone', () => {
    const other = aPage();
    expect(isOwnPage({ sender: other, senderFrame: other.frame }, page, ORIGIN)).toBe(false);
    expect(isOwnPage({ sender: page, senderFrame: other.frame }, page, ORIGIN)).toBe(false);
    expect(isOwnPage({ sender: page, senderFrame: null }, page, ORIGIN)).toBe(false);
    expect(isOwnPage({ sender: page, senderFrame: page.frame }, undefined, ORIGIN)).toBe(false);
  });

  it('refuses a page that is somewhere else', () => {
    const addresses = [
      'app://vmq-console.example/',
      'app://other/',
      'https://vmq-console/',
      'about:blank',
    ];
    for (const url of addresses) {
      const strayed = aPage(url);
      const event = { sender: strayed, senderFrame: strayed.frame };
      expect([url, isOwnPage(event, strayed, ORIGIN)]).toEqual([url, false]);
    }
  });

  it('accepts the development server when that is the origin', () => {
    const served = aPage('http://localhost:5173/#/');
    const event = { sender: served, senderFrame: served.frame };
    expect(isOwnPage(event, served, 'http://localhost:5173')).toBe(true);
  });
});

describe('readConnectRequest', () => {
  const nonce = '0f8fad5b-d9cb-469f-a165-70867728950e';

  it('accepts the three targets', () => {
    for (const target of ['lab', 'host/host-a', 'telemetry/host-a']) {
      expect(readConnectRequest(target, nonce)).toEqual({ target, nonce });
    }
  });

  it('refuses other targets and values', () => {
    for (const target of ['', 'fabric', 'host/', 'host/../lab', 'lab\n', 7, null, {}]) {
      expect(readConnectRequest(target, nonce)).toBeUndefined();
    }
    for (const wrong of ['', 'a b', 'x'.repeat(65), 7, undefined]) {
      expect(readConnectRequest('lab', wrong)).toBeUndefined();
    }
  });
});
