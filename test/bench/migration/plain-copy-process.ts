/**
 * One end of a plain copy. Arguments: `receive` or `send`, the socket's path, mebibytes. Both ends
 * hold the bytes in a shared WebAssembly memory, as the engine does. The receiver connects, since
 * only a socket that connects can read into memory of the caller's choice: twice as fast as with
 * buffers that Node makes.
 */
import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

const PAGE_BYTES = 65_536;
/** Of 64 KiB to 4 MiB none was faster. */
const CHUNK_BYTES = 2 ** 20;

const [role = '', path = '', mebibytes = ''] = process.argv.slice(2);
const bytes = Number(mebibytes) * 2 ** 20;
const pages = bytes / PAGE_BYTES;
const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });

/** Stores what comes, and answers one byte when everything is stored. */
function receive(): void {
  const target = new Uint8Array(memory.buffer);
  let at = 0;
  const socket = connect({
    path,
    onread: {
      buffer: () => target.subarray(at, Math.min(bytes, at + CHUNK_BYTES)),
      callback: (length) => {
        at += length;
        if (at === bytes) socket.end('.');
        return at < bytes;
      },
    },
  });
  socket.on('error', () => undefined);
}

/** Sends everything to whoever connects, and tells the parent how long it took. */
async function send(): Promise<void> {
  const source = new Uint8Array(memory.buffer);
  const random = new Uint8Array(CHUNK_BYTES);
  for (let at = 0; at < bytes; at += CHUNK_BYTES) source.set(randomFillSync(random), at);
  const server = createServer();
  const connected = new Promise<Socket>((resolve) => server.once('connection', resolve));
  server.listen(path, () => process.send?.({ ready: true }));
  const socket = await connected;
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
