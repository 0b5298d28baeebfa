/** Bundles a process entry for plain Node, as the build does for the real ones. */
import { basename, dirname, join, resolve } from 'node:path';
import { build } from 'vite';
import { REPOSITORY_ROOT } from '../../support/repository';

const BUNDLES = join(REPOSITORY_ROOT, 'node_modules', '.cache', 'test-entries');

/**
 * @param entry Path from the repository's root.
 * @param file Where the bundle goes; a file in the cache by default.
 * @returns Path of the bundle.
 */
export async function bundleEntry(
  entry: string,
  file = join(BUNDLES, `${basename(entry, '.ts')}.cjs`),
): Promise<string> {
  await build({
    configFile: false,
    logLevel: 'warn',
    ssr: { noExternal: true },
    build: {
      ssr: resolve(REPOSITORY_ROOT, entry),
      outDir: dirname(file),
      emptyOutDir: false,
      target: 'node18.15',
      minify: false,
      rolldownOptions: {
        external: ['koffi'],
        output: { format: 'cjs', entryFileNames: basename(file), codeSplitting: false },
      },
    },
  });
  return file;
}
