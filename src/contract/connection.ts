/**
 * How a page reaches the processes, in the window and in browser mode.
 *
 * Targets are `lab`, `host/ID` (RPC of {@link hostViewContract}) and `telemetry/ID` (raw
 * Float64Array buffers, host to page only).
 *
 * In the window the preload script exposes {@link ConsoleBridge} as `window.vmqConsole`; `connect`
 * makes the page receive a `message` event whose data is {@link PortMessage} and whose only port is
 * the connection. In browser mode the same targets are WebSockets at `/connect/TARGET`.
 */
export const BRIDGE_NAME = 'vmqConsole';

/** The one object that the preload script gives the page. */
export interface ConsoleBridge {
  /** Asks for a connection; the port arrives as a window message with the same nonce. */
  connect(target: string, nonce: string): void;
  readonly platform: string;
  readonly electronVersion: string;
}

export interface PortMessage {
  readonly type: 'vmq-console/port';
  readonly nonce: string;
  readonly target: string;
}

/** Electron channel names; all others are unused. */
export const CHANNEL_CONNECT = 'vmq-console/connect';
export const CHANNEL_PORT = 'vmq-console/port';

export const WEBSOCKET_PATH = '/connect/';
export const TARGET_PATTERN =
  /^(lab|host\/[a-z0-9][a-z0-9-]{0,39}|telemetry\/[a-z0-9][a-z0-9-]{0,39})$/;

/** Messages between a launcher and a host process beside RPC. */
export interface HostProcessMessage {
  /** `rpc`: one message of the control RPC; `connect`: a page's connection is handed over. */
  readonly kind: 'rpc' | 'connect';
  readonly target?: 'view' | 'telemetry';
  readonly data?: unknown;
}
