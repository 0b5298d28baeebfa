/** Bundles a process entry for plain Node, as the build does for the real ones. */
import { basename, join, resolve } from 'node:path';
import { build } from 'vite';
import { REPOSITORY_ROOT } from '../../support/repository';

const BUNDLES = join(REPOSITORY_ROOT, 'node_modules', '.cache', 'test-entries');

/** @returns Path of the bundle. */
export async function bundleEntry(entry: string): Promise<string> {
  const name = `${basename(entry, '.ts')}-${String(process.pid)}.cjs`;
  await build({
    configFile: false,
    logLevel: 'warn',
    ssr: { noExternal: true },
    build: {
      ssr: resolve(REPOSITORY_ROOT, entry),
      outDir: BUNDLES,
      emptyOutDir: false,
      target: 'node18.15',
      minify: false,
      rolldownOptions: {
        external: ['koffi'],
        output: { format: 'cjs', entryFileNames: name, codeSplitting: false },
      },
    },
  });
  return join(BUNDLES, name);
}
