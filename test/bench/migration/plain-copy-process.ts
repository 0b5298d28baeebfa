/**
 * One end of a plain copy. Arguments: `receive` or `send`, the socket's path, mebibytes. Both ends
 * hold the bytes in a shared WebAssembly memory, as the engine does.
 */
import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

const PAGE_BYTES = 65_536;
/** Of 64 KiB to 4 MiB, the fastest on the machine of `docs/performance.md`. */
const CHUNK_BYTES = 2 ** 18;

const [role = '', path = '', mebibytes = ''] = process.argv.slice(2);
const bytes = Number(mebibytes) * 2 ** 20;
const pages = bytes / PAGE_BYTES;
const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });

/** Stores what comes, and answers one byte when everything is stored. */
function receive(): void {
  const target = new Uint8Array(memory.buffer);
  const server = createServer((socket: Socket) => {
    let at = 0;
    socket.on('data', (chunk) => {
      target.set(typeof chunk === 'string' ? Buffer.from(chunk) : chunk, at);
      at += chunk.length;
      if (at === bytes) socket.end('.');
    });
    socket.on('error', () => undefined);
  });
  server.listen(path, () => process.send?.({ ready: true }));
}

async function send(): Promise<void> {
  const source = new Uint8Array(memory.buffer);
  const random = new Uint8Array(CHUNK_BYTES);
  for (let at = 0; at < bytes; at += CHUNK_BYTES) source.set(randomFillSync(random), at);
  const socket = connect(path);
  await once(socket, 'connect');
  const stored = once(socket, 'data');
  const start = performance.now();
  for (let at = 0; at < bytes; at += CHUNK_BYTES)
    if (!socket.write(source.subarray(at, at + CHUNK_BYTES))) await once(socket, 'drain');
  await stored;
  process.send?.({ seconds: (performance.now() - start) / 1000 });
  socket.destroy();
}

if (role === 'receive') receive();
else void send();
