/**
 * Serves the page with the fake lab, for looking at it:
 * `npx vite --config test/renderer/support/vite.config.mts`. `FAKE_LAB=empty` starts with an empty lab,
 * `FAKE_LAB=trouble` with a failed host and a notice.
 */
import { fileURLToPath } from 'node:url';

import { RPCHandler } from '@orpc/server/ws';
import vue from '@vitejs/plugin-vue';
import { defineConfig, type Plugin } from 'vite';
import { WebSocketServer, type WebSocket } from 'ws';

import { FakeLab } from './fake-lab';

const kind = process.env['FAKE_LAB'] ?? '';

function serveTarget(lab: FakeLab, target: string, socket: WebSocket): void {
  const [area = '', hostId = ''] = target.split('/');
  if (area === 'lab') new RPCHandler(lab.labRouter()).upgrade(socket);
  else if (area === 'host') new RPCHandler(lab.hostRouter(hostId)).upgrade(socket);
  else {
    const timer = setInterval(() => socket.send(lab.engine.telemetry(hostId)), 100);
    socket.on('close', () => clearInterval(timer));
  }
}

function fakeConsole(): Plugin {
  return {
    name: 'fake-console',
    configureServer(server) {
      const lab = new FakeLab({ empty: kind === 'empty', notice: kind === 'trouble' });
      if (kind === 'trouble') lab.hostStates.set('host-b', 'failed');
      const sockets = new WebSocketServer({ noServer: true });
      server.httpServer?.on('upgrade', (request, socket, head) => {
        const target = request.url?.match(/^\/connect\/(.+)$/)?.[1];
        if (!target) return;
        sockets.handleUpgrade(request, socket, head, (webSocket) => {
          serveTarget(lab, target, webSocket);
        });
      });
    },
  };
}

export default defineConfig({
  root: fileURLToPath(new URL('../../../src/renderer', import.meta.url)),
  plugins: [vue(), fakeConsole()],
  cacheDir: fileURLToPath(new URL('../../../node_modules/.cache/fake-console', import.meta.url)),
  server: {
    host: '127.0.0.1',
    port: Number(process.env['FAKE_PORT'] ?? 5299),
    strictPort: true,
    hmr: false,
  },
  build: {
    target: 'chrome114',
    outDir: fileURLToPath(
      new URL('../../../node_modules/.cache/fake-console-build', import.meta.url),
    ),
    emptyOutDir: true,
  },
});
