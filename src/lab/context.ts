/** What the groups of commands share. `Lab` composes it; nothing else does. */
import type { AdapterProfiles } from './adapter-profiles';
import type { CaptureLibrary } from './captures';
import type { CommandQueue } from './command-queue';
import type { EventList } from './events';
import type { Experiments } from './experiment/experiments';
import type { Pause } from './experiment/pause';
import type { Inventory } from './inventory/inventory';
import type { MacRegistry } from './mac-registry';
import type { MigrationArbiter } from './migration/arbiter';
import type { FabricProcess, Rendezvous } from './process/engine-process';
import type { HostFleet } from './process/host-fleet';

export interface LabContext {
  readonly inventory: Inventory;
  readonly events: EventList;
  readonly macs: MacRegistry;
  readonly captures: CaptureLibrary;
  readonly profiles: AdapterProfiles;
  readonly hosts: HostFleet;
  readonly fabric: FabricProcess;
  readonly arbiter: MigrationArbiter;
  readonly experiments: Experiments;
  /** How an experiment lets time pass. */
  readonly pause: Pause;
  readonly commands: CommandQueue;
  readonly rendezvous: Rendezvous;
  /** Why a VM could not be restored on its host, by VM id. */
  readonly restoreFailures: Map<string, string>;
  /** Links that were stopped by command; a restart keeps them stopped. */
  readonly stoppedLinks: Set<string>;
  /** Announces that the lab's snapshot changed. */
  readonly changed: () => void;
}
