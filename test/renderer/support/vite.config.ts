/**
 * Serves the page with the fake lab, for looking at it:
 * `npx vite --config test/renderer/support/vite.config.ts`. `FAKE_LAB=empty` starts with an empty lab,
 * `FAKE_LAB=trouble` with a failed host and a notice.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Http2SecureServer } from 'node:http2';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';

import { RPCHandler } from '@orpc/server/ws';
import vue from '@vitejs/plugin-vue';
import { defineConfig, type Plugin } from 'vite';
import { WebSocketServer, type WebSocket } from 'ws';

import { PAGE_HEADERS } from '../../../src/web-server/page-headers';
import { FakeLab } from './fake-lab';

const kind = process.env['FAKE_LAB'] ?? '';

function serveTarget(lab: FakeLab, target: string, socket: WebSocket): void {
  const [area = '', hostId = ''] = target.split('/');
  if (area === 'lab') void new RPCHandler(lab.labRouter()).upgrade(socket);
  else if (area === 'host') void new RPCHandler(lab.hostRouter(hostId)).upgrade(socket);
  else {
    const timer = setInterval(() => socket.send(lab.engine.telemetry(hostId)), 100);
    socket.on('close', () => clearInterval(timer));
  }
}

function serveLab(httpServer: Server | Http2SecureServer | null): void {
  const lab = new FakeLab({ empty: kind === 'empty', notice: kind === 'trouble' });
  if (kind === 'trouble') lab.hostStates.set('host-b', 'failed');
  const sockets = new WebSocketServer({ noServer: true });
  httpServer?.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const target = /^\/connect\/(.+)$/.exec(request.url ?? '')?.[1];
    if (!target) return;
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      serveTarget(lab, target, webSocket);
    });
  });
}

function fakeConsole(): Plugin {
  return {
    name: 'fake-console',
    configureServer: ({ httpServer }) => serveLab(httpServer),
    configurePreviewServer: ({ httpServer }) => serveLab(httpServer),
  };
}

const port = Number(process.env['FAKE_PORT'] ?? 5299);

export default defineConfig({
  root: fileURLToPath(new URL('../../../src/renderer', import.meta.url)),
  plugins: [vue(), fakeConsole()],
  cacheDir: fileURLToPath(new URL('../../../node_modules/.cache/fake-console', import.meta.url)),
  server: {
    host: '127.0.0.1',
    port,
    strictPort: true,
    hmr: false,
  },
  // `vite build` and `vite preview` show the page as it ships, with the product's headers.
  preview: { host: '127.0.0.1', port, strictPort: true, headers: PAGE_HEADERS },
  build: {
    target: 'chrome114',
    outDir: fileURLToPath(
      new URL('../../../node_modules/.cache/fake-console-build', import.meta.url),
    ),
    emptyOutDir: true,
  },
});
