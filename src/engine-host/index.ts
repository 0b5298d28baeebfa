/**
 * Entry of the host and fabric processes, in the window (utility process) and with plain Node alike.
 * Arguments: the kind, `host` or `fabric`, and the name that its log shows.
 */
import { Fabric } from '../engine/fabric/fabric';
import { Host } from '../engine/host/host';
import { serveProcess } from './serve-process';
import { spawnWorker } from './spawn-worker';

serveProcess({
  createHost: () => new Host(spawnWorker),
  createFabric: () => new Fabric(spawnWorker),
});
