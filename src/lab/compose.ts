/** Wires the parts of a lab together. */
import { AdapterProfiles } from './adapter-profiles';
import { CaptureLibrary } from './captures';
import { CommandQueue } from './command-queue';
import type { LabContext } from './context';
import type { EventList } from './events';
import { Experiments } from './experiment/experiments';
import { pause } from './experiment/pause';
import type { Inventory } from './inventory/inventory';
import type { LabOptions } from './lab';
import { MacRegistry } from './mac-registry';
import { MigrationArbiter } from './migration/arbiter';
import { fabricProcess, type Rendezvous } from './process/engine-process';
import { HostFleet } from './process/host-fleet';
import { processEvents, streamEvents } from './process/process-events';
import { RESTART_POLICY } from './process/supervisor';
import { restoreFabric, restoreHost } from './restore';

const FABRIC = { kind: 'fabric', id: 'fabric', name: 'The fabric' } as const;

/** Everything that the groups of commands share, with no process started. */
export function composeContext(
  options: LabOptions,
  rendezvous: Rendezvous,
  inventory: Inventory,
  events: EventList,
  changed: () => void,
): LabContext {
  const { spawner, policy = RESTART_POLICY } = options;
  const context: LabContext = {
    inventory,
    events,
    changed,
    macs: new MacRegistry(() => inventory.config),
    captures: new CaptureLibrary(options.resourcesFolder),
    profiles: new AdapterProfiles(options.resourcesFolder),
    arbiter: new MigrationArbiter(),
    experiments: new Experiments(),
    pause: options.pause ?? pause,
    commands: new CommandQueue(),
    rendezvous,
    restoreFailures: new Map(),
    stoppedLinks: new Set(),
    hosts: new HostFleet({
      inventory,
      events,
      spawner,
      policy,
      rendezvous,
      restore: (hostId, control, isRestart) => restoreHost(context, hostId, control, isRestart),
      onChange: changed,
    }),
    fabric: fabricProcess({
      spawner,
      policy,
      rendezvous,
      // At the first start the links wait for the hosts; see `Lab.start`.
      restore: (control, isRestart) =>
        isRestart ? restoreFabric(context, control) : Promise.resolve(),
      onState: processEvents(events, FABRIC, changed),
      onStreamLost: streamEvents(events, FABRIC),
      onSnapshot: changed,
      onEvent: (event) => events.add(event),
    }),
  };
  return context;
}
