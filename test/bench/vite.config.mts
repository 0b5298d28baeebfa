/** Bundles the benchmarks for Node: the programs of `entries`, with the engine's threads beside them. */
import { resolve } from 'node:path';
import { defineConfig } from 'vite';

import { nodeWorkerForTests } from '../../tools/node-worker-test-plugin.mts';

const OUT = 'node_modules/.cache/bench';

export default defineConfig({
  plugins: [nodeWorkerForTests(resolve(OUT, 'threads'))],
  logLevel: 'warn',
  ssr: { noExternal: true },
  build: {
    ssr: true,
    outDir: OUT,
    emptyOutDir: false,
    target: 'node18.15',
    minify: false,
    sourcemap: true,
    rolldownOptions: {
      input: {
        index: resolve('test/bench/index.ts'),
        'engine-host': resolve('src/engine-host/index.ts'),
        'filled-engine-host': resolve('test/bench/migration/filled-engine-host.ts'),
        'fresh-memory': resolve('test/bench/migration/fresh-memory-process.ts'),
        'plain-copy': resolve('test/bench/migration/plain-copy-process.ts'),
        pinger: resolve('test/bench/migration/pinger-process.ts'),
      },
      external: ['koffi'],
      output: { format: 'cjs', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name].js' },
    },
  },
});
