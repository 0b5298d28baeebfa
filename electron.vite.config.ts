import { resolve } from 'node:path';

import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'electron-vite';

/**
 * The lowest runtime that the output must run on. Targets lower syntax only; the `lib` setting of the TypeScript
 * projects keeps newer library functions out.
 */
const NODE_TARGET = 'node18.15';
const CHROME_TARGET = 'chrome114';

export default defineConfig({
  main: {
    build: {
      target: NODE_TARGET,
      sourcemap: true,
      rolldownOptions: {
        input: {
          index: resolve('src/main/index.ts'),
          'engine-host': resolve('src/engine-host/index.ts'),
          'web-server': resolve('src/web-server/index.ts'),
          'lab-cli': resolve('src/lab-cli/index.ts'),
        },
        output: { format: 'cjs', entryFileNames: '[name].js' },
      },
    },
  },
  preload: {
    build: {
      target: NODE_TARGET,
      sourcemap: true,
      externalizeDeps: false,
      rolldownOptions: {
        input: { index: resolve('src/preload/index.ts') },
        output: { format: 'cjs', entryFileNames: '[name].js' },
      },
    },
  },
  renderer: {
    root: 'src/renderer',
    plugins: [vue()],
    build: {
      target: CHROME_TARGET,
      cssTarget: CHROME_TARGET,
      minify: true,
      sourcemap: true,
      rolldownOptions: { input: resolve('src/renderer/index.html') },
    },
  },
});
