/**
 * The page's connections to one host process: its snapshots, and its telemetry on a channel of its own.
 * They live as long as one process of the host: after a restart the page makes new ones.
 */
import type { HostSnapshot } from '../../contract/host';
import { CONTRACT_VERSION } from '../../contract/version';
import { closeChannel, onChannelMessage, openChannel } from './bridge';
import {
  follow,
  hostViewClientOver,
  untilFirstEnds,
  withDeadline,
  type HostViewClient,
} from './clients';
import { connectionClosed, ProblemError } from './problem';
import { supervise, type ConnectionStatus } from './supervise';

/** Telemetry comes ten times a second; after this silence its channel is opened afresh. */
const TELEMETRY_SILENCE_MS = 4000;

export interface HostListeners {
  readonly onSnapshot: (snapshot: HostSnapshot) => void;
  readonly onTelemetry: (data: Float64Array) => void;
  readonly onStatus: (status: ConnectionStatus) => void;
}

const clients = new Map<string, HostViewClient>();

/** Asks one thing of a host. Rejects at once when the page has no connection to it. */
export function callHost<Value>(
  hostId: string,
  what: string,
  command: (host: HostViewClient) => Promise<Value>,
): Promise<Value> {
  const client = clients.get(hostId);
  if (!client) return Promise.reject(new ProblemError(connectionClosed(`host ${hostId}`)));
  return withDeadline(command(client), what);
}

export function connectHost(hostId: string, listeners: HostListeners): () => void {
  const stops = [
    supervise({
      onStatus: listeners.onStatus,
      run: (signal, connected) => runView(hostId, signal, connected, listeners.onSnapshot),
    }),
    supervise({
      run: (signal, connected) => runTelemetry(hostId, signal, connected, listeners.onTelemetry),
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

async function runView(
  hostId: string,
  signal: AbortSignal,
  connected: () => void,
  onSnapshot: (snapshot: HostSnapshot) => void,
): Promise<void> {
  const channel = await openChannel(`host/${hostId}`, signal);
  const host = hostViewClientOver(channel);
  try {
    await withDeadline(host.hello({ contractVersion: CONTRACT_VERSION }), 'hello', 10_000);
    clients.set(hostId, host);
    connected();
    await untilFirstEnds(
      [follow(host.watch(undefined, { signal }), signal, onSnapshot)],
      channel,
      signal,
      `host ${hostId}`,
    );
  } finally {
    // A newer connection to the same host may have taken its place.
    if (clients.get(hostId) === host) clients.delete(hostId);
    closeChannel(channel);
  }
}

async function runTelemetry(
  hostId: string,
  signal: AbortSignal,
  connected: () => void,
  onTelemetry: (data: Float64Array) => void,
): Promise<void> {
  const channel = await openChannel(`telemetry/${hostId}`, signal);
  let lastMs = Date.now();
  onChannelMessage(channel, (data) => {
    const samples = float64Of(data);
    if (!samples || signal.aborted) return;
    lastMs = Date.now();
    connected();
    onTelemetry(samples);
  });
  const silence = new Promise<void>((_, reject) => {
    const timer = setInterval(() => {
      if (Date.now() - lastMs > TELEMETRY_SILENCE_MS)
        reject(new Error(`No telemetry from ${hostId}.`));
    }, 1000);
    signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  });
  try {
    await untilFirstEnds([silence], channel, signal, `telemetry of ${hostId}`);
  } finally {
    closeChannel(channel);
  }
}

/** Telemetry arrives as a typed array from a port and as its bytes from a socket. */
function float64Of(data: unknown): Float64Array | undefined {
  if (data instanceof Float64Array) return data;
  if (data instanceof ArrayBuffer && data.byteLength % Float64Array.BYTES_PER_ELEMENT === 0)
    return new Float64Array(data);
  if (ArrayBuffer.isView(data) && data.byteLength % Float64Array.BYTES_PER_ELEMENT === 0) {
    return new Float64Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength));
  }
  return undefined;
}
