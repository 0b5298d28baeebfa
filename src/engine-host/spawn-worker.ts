/**
 * Starts engine threads. The only file that knows how the bundle names their entry: `?nodeWorker` is
 * resolved by electron-vite, and under test by `tools/node-worker-test-plugin.mts`.
 */
import createThread from '../engine/host/thread-entry?nodeWorker';
import type { CreateWorker } from './engine-api';

export const spawnWorker: CreateWorker = (options = {}) => createThread(options);
