import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, it } from 'vitest';
import { startConsoleServer, type ConsoleServer } from '../../src/web-server/console-server';
import { RefusalError } from '../../src/shared/refusal-error';
import { makeTemporaryFolder } from '../support/temporary-folder';
import { Visitor } from './support/visitor';

const folder = makeTemporaryFolder('page');
const pageFolder = join(folder.path, 'page');
let server: ConsoleServer;
let visitor: Visitor;
let handedOver: { hostId: string; target: string; head: unknown }[] = [];

beforeAll(() => {
  mkdirSync(join(pageFolder, 'assets'), { recursive: true });
  writeFileSync(join(pageFolder, 'index.html'), '<title>page</title>');
  writeFileSync(join(pageFolder, 'assets', 'page.js'), 'export {};');
  writeFileSync(join(pageFolder, 'assets', 'page.unknown'), '');
  writeFileSync(join(folder.path, 'secret.txt'), 'secret');
  mkdirSync(join(folder.path, 'page-of-others'));
  writeFileSync(join(folder.path, 'page-of-others', 'secret.txt'), 'secret');
});
afterAll(() => folder.remove());

beforeEach(async () => {
  handedOver = [];
  server = await startConsoleServer({
    port: 0,
    pageFolder,
    targets: {
      connectLab: (socket) => socket.on('message', (data) => socket.send(data)),
      connectHost: (hostId, target, socket: Duplex, head) => {
        if (hostId === 'host-down') {
          const why = 'It is stopped.';
          throw new RefusalError({ code: 'host-unavailable', what: '', why, remedy: '' });
        }
        handedOver.push({ hostId, target, head });
        socket.destroy();
      },
    },
  });
  visitor = new Visitor(server.address);
});
afterEach(() => server.close());

describe('the printed address', () => {
  it('is on loopback and carries a long token', () => {
    expect(server.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{43}$/);
  });

  it('trades the token for a cookie that scripts and other sites cannot use', async () => {
    const { status, headers } = await visitor.ask(`/?token=${visitor.token}`);
    expect(status).toBe(303);
    expect(headers.location).toBe('/');
    const cookie = headers['set-cookie']?.[0] ?? '';
    expect(cookie).toContain('HttpOnly');
    expect(cookie).toContain('SameSite=Strict');
    expect(cookie).not.toContain(visitor.token);
  });

  it('works once', async () => {
    await visitor.signIn();
    const { status, headers } = await visitor.ask(`/?token=${visitor.token}`);
    expect(status).toBe(401);
    expect(headers['set-cookie']).toBeUndefined();
  });

  it('leads a visitor who is known already to the page', async () => {
    const cookie = await visitor.signIn();
    const { status, headers } = await visitor.ask(`/?token=${visitor.token}`, { cookie });
    expect([status, headers.location]).toEqual([303, '/']);
  });

  it('is not used up by a wrong token or by a look at the headers', async () => {
    expect((await visitor.ask('/?token=wrong')).status).toBe(401);
    expect((await visitor.ask(`/?token=${visitor.token}`, {}, 'HEAD')).status).toBe(401);
    expect(await visitor.signIn()).not.toBe('');
  });
});

describe('the page', () => {
  it('is refused without the cookie, with a wrong one, and with that of another port', async () => {
    const cookie = await visitor.signIn();
    const [name, value] = cookie.split('=');
    for (const wrong of ['', `${String(name)}=wrong`, `vmq-console-1=${String(value)}`]) {
      expect((await visitor.ask('/', { cookie: wrong })).status).toBe(401);
      expect((await visitor.ask('/assets/page.js', { cookie: wrong })).status).toBe(401);
    }
  });

  it('is served with its content types', async () => {
    const cookie = await visitor.signIn();
    const page = await visitor.ask('/', { cookie });
    expect([page.status, page.body]).toEqual([200, '<title>page</title>']);
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    const script = await visitor.ask('/assets/page.js?v=1', { cookie });
    expect(script.headers['content-type']).toBe('text/javascript; charset=utf-8');
  });

  it('carries its security headers, whatever the answer', async () => {
    const cookie = await visitor.signIn();
    for (const path of ['/', '/assets/page.js', '/missing', '/?token=wrong']) {
      const { headers } = await visitor.ask(path, { cookie });
      expect(headers['content-security-policy']).toContain("default-src 'none'");
      expect(headers['cross-origin-opener-policy']).toBe('same-origin');
      expect(headers['cross-origin-embedder-policy']).toBe('require-corp');
      expect(headers['x-content-type-options']).toBe('nosniff');
    }
  });

  it('serves nothing outside of its folder', async () => {
    const cookie = await visitor.signIn();
    const paths = [
      '/../secret.txt',
      '/..%2fsecret.txt',
      '/%2e%2e/secret.txt',
      '/assets/..%2f..%2fsecret.txt',
      '/..%5csecret.txt',
      '/../page-of-others/secret.txt',
      '/..%2fpage-of-others%2fsecret.txt',
      '/index.html%00.txt',
      '/%',
      '//secret.txt',
    ];
    for (const path of paths) {
      const { status, body } = await visitor.ask(path, { cookie });
      expect([path, status]).toEqual([path, 404]);
      expect(body).not.toContain('secret');
    }
  });

  it('serves no folders and no files of unknown type', async () => {
    const cookie = await visitor.signIn();
    for (const path of ['/assets', '/assets/', '/assets/page.unknown']) {
      expect((await visitor.ask(path, { cookie })).status).toBe(404);
    }
  });

  it('is only read', async () => {
    const cookie = await visitor.signIn();
    expect((await visitor.ask('/', { cookie }, 'POST')).status).toBe(405);
  });

  it('is refused under a name that a foreign site may point here', async () => {
    const cookie = await visitor.signIn();
    const port = String(visitor.port);
    for (const host of [`rebound.example:${port}`, '127.0.0.1', `127.0.0.1.example:${port}`]) {
      expect((await visitor.ask('/', { cookie, host })).status).toBe(403);
    }
    expect((await visitor.ask('/', { cookie, host: `localhost:${port}` })).status).toBe(200);
  });

  it('survives a request line that is no URL', async () => {
    const cookie = await visitor.signIn();
    await visitor.ask('//', { cookie }).catch(() => undefined);
    expect((await visitor.ask('/', { cookie })).status).toBe(200);
  });
});

describe('a connection of the page', () => {
  async function ownHeaders(): Promise<{ cookie: string; origin: string }> {
    return { cookie: await visitor.signIn(), origin: visitor.origin };
  }

  it('to the lab is served here', async () => {
    const socket = await visitor.connect('lab', await ownHeaders());
    const echo = new Promise((resolve) => socket.once('message', resolve));
    socket.send('hello');
    expect(new TextDecoder().decode((await echo) as ArrayBuffer)).toBe('hello');
    socket.terminate();
  });

  it('needs the cookie', async () => {
    const { origin } = await ownHeaders();
    await expect(visitor.connect('lab', { origin })).rejects.toThrow('401');
  });

  it('needs the origin of the page itself', async () => {
    const { cookie } = await ownHeaders();
    const port = String(visitor.port);
    const others = [
      'http://evil.example',
      'null',
      `https://127.0.0.1:${port}`,
      'http://127.0.0.1:1',
    ];
    await expect(visitor.connect('lab', { cookie })).rejects.toThrow('403');
    for (const origin of others) {
      await expect(visitor.connect('lab', { cookie, origin })).rejects.toThrow('403');
    }
  });

  it('is refused under a name that a foreign site may point here', async () => {
    const { cookie } = await ownHeaders();
    const host = `rebound.example:${String(visitor.port)}`;
    const origin = `http://${host}`;
    await expect(visitor.connect('lab', { cookie, host, origin })).rejects.toThrow('403');
  });

  it('to a host is handed over with its head and without the cookie', async () => {
    const headers = await ownHeaders();
    await visitor.connect('host/host-a', headers).catch(() => undefined);
    await visitor.connect('telemetry/host-a', headers).catch(() => undefined);
    expect(handedOver).toMatchObject([
      { hostId: 'host-a', target: 'view', head: { method: 'GET' } },
      { hostId: 'host-a', target: 'telemetry' },
    ]);
    expect(JSON.stringify(handedOver)).toContain('sec-websocket-key');
    expect(JSON.stringify(handedOver)).not.toMatch(/cookie/i);
  });

  it('to a host that is not running is refused', async () => {
    await expect(visitor.connect('host/host-down', await ownHeaders())).rejects.toThrow('503');
  });

  it('to anything else is refused', async () => {
    const headers = await ownHeaders();
    for (const target of ['', 'fabric', 'host', 'host/', 'host/Host', 'lab/x', 'lab?x=1']) {
      await expect(visitor.connect(target, headers)).rejects.toThrow('404');
    }
  });
});

describe('the server', () => {
  it('says when its port is taken', async () => {
    const targets = { connectLab: () => undefined, connectHost: () => undefined };
    const second = startConsoleServer({ port: visitor.port, pageFolder, targets });
    await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('closes although a page is connected', async () => {
    const headers = { cookie: await visitor.signIn(), origin: visitor.origin };
    const socket = await visitor.connect('lab', headers);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    server.close();
    await closed;
  });
});
