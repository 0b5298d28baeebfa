/** Runs once before the end-to-end tests: the runtime may have to be fetched, which no single test should wait for. */
import { chooseElectron, describeRuntime } from '../../scripts/electron-runtime.mjs';

export default function setUp(): void {
  const note = describeRuntime(chooseElectron());
  if (note !== undefined) process.stdout.write(`${note}\n`);
}
