import { describe, expect, it } from 'vitest';

import { ENGINE_RANKS, judgeImport, LAYERS } from '../../tools/layers.mjs';
import { importsOf } from '../support/imports';
import { readRepositoryText, repositoryFiles } from '../support/repository';

const sources = repositoryFiles().filter((file) => /^src\/.*\.(ts|vue)$/.test(file));

/** A TypeScript project file, as far as these tests look into it. */
interface Project {
  include: string[];
  references?: { path: string }[];
}

function projectOf(layer: string): Project {
  return JSON.parse(readRepositoryText(`tsconfig/${layer}.json`)) as Project;
}

/** Folders below a folder that hold at least one source file. */
function foldersOf(parent: string): string[] {
  const names = sources
    .filter((file) => file.startsWith(`${parent}/`))
    .map((file) => file.slice(parent.length + 1).split('/'))
    .filter((parts) => parts.length > 1)
    .map(([name]) => name ?? '');
  return [...new Set(names)];
}

describe('the source tree', () => {
  it('has no import against the dependency rule', () => {
    const refused = sources.flatMap((file) =>
      importsOf(file, readRepositoryText(file)).flatMap((specifier) => {
        const reason = judgeImport(file, specifier);
        return reason === null ? [] : [`${file}: ${reason}`];
      }),
    );
    expect(refused).toEqual([]);
  });

  it('has only folders that the table knows', () => {
    expect(foldersOf('src').filter((folder) => !(folder in LAYERS))).toEqual([]);
    expect(foldersOf('src/engine').filter((name) => !ENGINE_RANKS.flat().includes(name))).toEqual(
      [],
    );
  });
});

describe('the TypeScript projects', () => {
  it.each(Object.entries(LAYERS))('let %s see the layers of the table only', (name, layer) => {
    const referenced = projectOf(name).references ?? [];
    expect(referenced.map(({ path }) => path.replace(/^\.\/|\.json$/g, '')).sort()).toEqual(
      [...layer.layers].sort(),
    );
  });

  it('compile every folder of the engine but the AssemblyScript kernel', () => {
    const { include } = projectOf('engine');
    for (const folder of ENGINE_RANKS.flat().filter((name) => name !== 'kernel')) {
      expect(include).toContain(`../src/engine/${folder}/**/*.ts`);
    }
    expect(include.filter((pattern) => pattern.includes('/kernel/')).sort()).toEqual([
      '../src/engine/kernel/build/*.ts',
      '../src/engine/kernel/layout*.ts',
    ]);
  });
});

describe('judgeImport', () => {
  it.each([
    ['src/renderer/views/QueuesView.vue', '../../engine/memory/host-memory.js'],
    ['src/renderer/rpc/lab.ts', 'node:fs'],
    ['src/contract/host.ts', '../shared/units.js'],
    ['src/lab/spawn.ts', '../engine-host/index.js'],
    ['src/engine/host/host.ts', 'electron'],
    ['src/engine/host/host.ts', '../../../test/support/clock.js'],
    ['src/engine/memory/host-memory.ts', '../kernel/layout.js'],
    ['src/engine/vm/vm.ts', '../link/replay.js'],
    ['src/engine/memory/host-memory.ts', './index.js'],
    ['src/engine/switch/port.ts', '../kernel/harvest.js'],
  ])('refuses %s importing %s', (file, specifier) => {
    expect(judgeImport(file, specifier)).not.toBeNull();
  });

  it.each([
    ['src/renderer/views/QueuesView.vue', '../lab/tree.js'],
    ['src/renderer/rpc/lab.ts', '@orpc/client/websocket'],
    ['src/shared/units.ts', '../contract/model.js'],
    ['src/engine/switch/port.ts', '../memory/index.js'],
    ['src/engine/switch/port.ts', '../kernel/layout-queue.js'],
    ['src/engine/switch/port.ts', 'node:worker_threads'],
    ['src/engine-host/spawn-worker.ts', './worker.js?nodeWorker'],
    ['test/engine/memory.test.ts', '../../src/engine/memory/index.js'],
  ])('allows %s importing %s', (file, specifier) => {
    expect(judgeImport(file, specifier)).toBeNull();
  });
});
