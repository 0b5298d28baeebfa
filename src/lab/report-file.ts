/** Reports on disk, and what stands in a report for a process that is gone. */
import writeFileAtomic from 'write-file-atomic';

import {
  labReportSchema,
  type FabricReport,
  type HostReport,
  type LabReport,
} from '../contract/report';
import { stableJson } from './inventory/inventory-file';

/** Checks a report against its schema and writes it atomically: a reader never sees half of it. */
export async function writeReport(path: string, report: LabReport): Promise<void> {
  await writeFileAtomic(path, stableJson(labReportSchema.parse(report)));
}

/** A host whose counters were lost with its process: nothing counted, and not conserved. */
export function lostHost(hostId: string, name: string): HostReport {
  return {
    hostId,
    name,
    queues: [],
    vms: [],
    switches: [],
    links: [],
    conservation: {
      entered: { fromWire: 0, fromVms: 0, announced: 0 },
      copiesMade: 0,
      delivered: { toVms: 0, toWire: 0 },
      dropped: {},
      held: 0,
      holds: false,
    },
  };
}

/** The fabric when its counters were lost with its process. */
export function lostFabric(): FabricReport {
  return {
    ports: [],
    links: [],
    entered: 0,
    copiesMade: 0,
    delivered: 0,
    dropped: 0,
    held: 0,
    learnedMacs: 0,
    holds: false,
  };
}
