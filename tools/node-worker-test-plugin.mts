/**
 * Gives vitest the `./file?nodeWorker` import that electron-vite gives the build: bundles the file for Node and
 * answers with a function that starts it as a worker thread.
 */
import { createHash } from 'node:crypto';
import { basename, resolve } from 'node:path';
import { build, type Plugin } from 'vite';

const SUFFIX = '?nodeWorker';
const VIRTUAL = '\0node-worker:';

/** One bundle per worker entry; the hash keeps equal base names apart. */
function bundleName(entry: string): string {
  const stem = basename(entry).replace(/\.\w+$/, '');
  return `${stem}-${createHash('sha256').update(entry).digest('hex').slice(0, 8)}.cjs`;
}

/** Bundles a worker entry and returns the source files that went into it. */
async function bundleWorker(entry: string, outDir: string): Promise<string[]> {
  const result = await build({
    configFile: false,
    logLevel: 'warn',
    ssr: { noExternal: true },
    build: {
      ssr: entry,
      outDir,
      emptyOutDir: false,
      target: 'node18.15',
      minify: false,
      sourcemap: 'inline',
      rolldownOptions: {
        external: ['koffi'],
        output: { format: 'cjs', entryFileNames: bundleName(entry), codeSplitting: false },
      },
    },
  });
  const chunks = 'output' in result ? result.output : [];
  return chunks
    .flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []))
    .filter((id) => !id.startsWith('\0'));
}

export function nodeWorkerForTests(
  outDir = resolve('node_modules/.cache/node-worker-test'),
): Plugin {
  return {
    name: 'node-worker-for-tests',
    enforce: 'pre',
    async resolveId(id, importer) {
      if (!id.endsWith(SUFFIX)) return null;
      const file = await this.resolve(id.slice(0, -SUFFIX.length), importer, { skipSelf: true });
      return file === null ? null : VIRTUAL + file.id;
    },
    async load(id) {
      if (!id.startsWith(VIRTUAL)) return null;
      const entry = id.slice(VIRTUAL.length);
      const sources = await bundleWorker(entry, outDir);
      for (const source of sources) this.addWatchFile(source);
      const bundle = JSON.stringify(resolve(outDir, bundleName(entry)));
      return [
        `import { Worker } from 'node:worker_threads';`,
        `export default (options) => new Worker(${bundle}, options);`,
      ].join('\n');
    },
  };
}
