/** One run: opens a lab, runs the file, writes the report, closes the lab, whatever happens between. */
import type { LabReport } from '../contract/report';
import { Lab } from '../lab/lab';
import type { LoadedLabFile } from '../lab/lab-file/lab-file';
import { runLabFile } from '../lab/lab-run';
import { writeReport } from '../lab/report-file';
import type { Spawner } from '../lab/process/spawner';

export interface RunOptions {
  readonly file: LoadedLabFile;
  readonly dataFolder: string;
  readonly resourcesFolder: string;
  readonly reportPath: string | undefined;
  readonly spawner: Spawner;
  readonly onInterrupt: (listener: () => void) => void;
  readonly onProgress: (line: string) => void;
}

/** Answers whether every step succeeded and conservation holds everywhere. */
export async function runOnce(options: RunOptions): Promise<boolean> {
  const { file, dataFolder, resourcesFolder, spawner, onProgress } = options;
  const interruption = new AbortController();
  options.onInterrupt(() => {
    if (!interruption.signal.aborted) onProgress('interrupted: ending the run');
    interruption.abort();
  });
  const lab = await Lab.open({ dataFolder, resourcesFolder, spawner });
  try {
    await lab.start();
    const report = await runLabFile(lab, file, { signal: interruption.signal, onProgress });
    if (options.reportPath !== undefined) {
      await writeReport(options.reportPath, report);
      onProgress(`report: ${options.reportPath}`);
    }
    onProgress(verdict(report));
    return report.ok;
  } finally {
    await lab.close();
  }
}

function verdict({ ok, conservation, steps, durationMs }: LabReport): string {
  const { entered, copiesMade, delivered, held } = conservation;
  const dropped = Object.values(conservation.dropped).reduce((sum, frames) => sum + frames, 0);
  const frames =
    `${entered.fromWire + entered.fromVms + entered.announced} entered + ${copiesMade} copied = ` +
    `${delivered.toVms + delivered.toWire} delivered + ${dropped} dropped + ${held} held`;
  const balance = conservation.holds ? frames : `NOT conserved: ${frames}`;
  return `${ok ? 'ok' : 'FAILED'}: ${steps.length} steps in ${(durationMs / 1000).toFixed(1)} s; ${balance}`;
}
