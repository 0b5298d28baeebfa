import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vitest/config';

import { nodeWorkerForTests } from './tools/node-worker-test-plugin.mts';

const INTEGRATION = 'test/integration/**/*.integration.test.ts';
const E2E = 'test/e2e/**/*.e2e.test.ts';
const LONG = 'test/long/**/*.long.test.ts';

export default defineConfig({
  plugins: [vue(), nodeWorkerForTests()],
  test: {
    environment: 'node',
    pool: 'forks',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/integration/**', 'test/e2e/**', 'test/long/**'],
          testTimeout: 10_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: [INTEGRATION],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'long',
          include: [LONG],
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: [E2E],
          globalSetup: ['test/support/e2e-setup.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
