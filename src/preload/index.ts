/**
 * Runs in the window's isolated world, sandboxed. Gives the page one object and hands it the ports
 * that the main process sends: ports cannot cross the context bridge, so they travel as a window
 * message, which carries the page's own nonce.
 */
import { contextBridge, ipcRenderer } from 'electron';
import {
  BRIDGE_NAME,
  CHANNEL_CONNECT,
  CHANNEL_PORT,
  type ConsoleBridge,
  type PortMessage,
} from '../contract/connection';

const bridge: ConsoleBridge = {
  connect: (target, nonce) => ipcRenderer.send(CHANNEL_CONNECT, target, nonce),
  platform: process.platform,
  electronVersion: process.versions.electron,
};

contextBridge.exposeInMainWorld(BRIDGE_NAME, bridge);

ipcRenderer.on(CHANNEL_PORT, (event, message: PortMessage) => {
  window.postMessage(message, location.origin, event.ports);
});
