/** How far an experiment is. */
import type { ExperimentSnapshot } from '../../contract/experiment';

/** Measurements done, in percent. */
export function percentMeasured({ progress }: Pick<ExperimentSnapshot, 'progress'>): number {
  return progress === null || progress.total === 0
    ? 0
    : Math.round((progress.done / progress.total) * 100);
}
