/**
 * The dependency rule of the source tree as data, and the one function that judges an import by it. The linter
 * (tools/eslint-layers.mjs) and the architecture test (test/architecture/layers.test.ts) both ask this file; the
 * TypeScript projects in tsconfig/ say the same again through their references.
 */
import { isBuiltin } from 'node:module';
import { dirname, join, normalize } from 'node:path/posix';

/**
 * @typedef {object} Layer
 * @property {readonly string[]} layers Other folders of src/ that this one may import.
 * @property {readonly string[]} packages Packages that this one may import, with all their sub-paths.
 * @property {boolean} node Whether modules of Node are allowed.
 */

/**
 * `contract ← shared ← engine ← engine-host`, `contract, shared ← lab ← main, web-server, lab-cli`,
 * `contract ← preload`, `contract, shared ← renderer`, where `A ← B` reads "B may import A".
 * @type {Readonly<Record<string, Layer>>}
 */
export const LAYERS = {
  contract: { layers: [], packages: ['zod', '@orpc/contract'], node: false },
  shared: { layers: ['contract'], packages: [], node: false },
  engine: {
    layers: ['contract', 'shared'],
    packages: ['koffi', 'zod', '@orpc/server'],
    node: true,
  },
  'engine-host': {
    layers: ['contract', 'shared', 'engine'],
    packages: ['electron', 'koffi', 'pino', 'ws', '@orpc/server'],
    node: true,
  },
  lab: {
    layers: ['contract', 'shared'],
    packages: [
      ...['pino', 'proper-lockfile', 'write-file-atomic', 'yaml', 'zod'],
      ...['@orpc/client', '@orpc/contract', '@orpc/server'],
    ],
    node: true,
  },
  main: {
    layers: ['contract', 'shared', 'lab'],
    packages: ['electron', 'pino', '@orpc/server'],
    node: true,
  },
  'web-server': {
    layers: ['contract', 'shared', 'lab'],
    packages: ['commander', 'pino', 'ws', '@orpc/server'],
    node: true,
  },
  'lab-cli': {
    layers: ['contract', 'shared', 'lab'],
    packages: ['commander', 'pino', 'yaml', '@orpc/client', '@orpc/contract'],
    node: true,
  },
  preload: { layers: ['contract'], packages: ['electron'], node: false },
  renderer: {
    layers: ['contract', 'shared'],
    packages: [
      ...['vue', 'vue-router', 'pinia', 'chart.js', 'reka-ui', 'zod'],
      ...['@lucide/vue', '@orpc/client', '@orpc/contract', '@tanstack/vue-virtual', '@vueuse/core'],
    ],
    node: false,
  },
};

/**
 * The order inside the engine. A folder may import folders of the ranks before its own; folders of one rank do not
 * import each other, so the graph has no cycle.
 * @type {readonly (readonly string[])[]}
 */
export const ENGINE_RANKS = [
  ['wire', 'memory'],
  ['kernel', 'ndis'],
  ['thread'],
  ['adapter'],
  ['switch'],
  ['vm', 'link'],
  ['migration'],
  ['host', 'fabric'],
];

/** In the kernel folder, only these files are TypeScript for the rest of the engine; the others are AssemblyScript. */
const KERNEL_SHARED_FILE = /^src\/engine\/kernel\/(layout[\w-]*|build\/kernel-bytes)$/;

/**
 * Name of the package in an import, without its sub-path: `@orpc/client/websocket` gives `@orpc/client`.
 * @param {string} specifier
 */
export function packageName(specifier) {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? specifier);
}

/**
 * @param {string} file Path from the repository's root with forward slashes.
 * @param {1 | 2} depth 1 for the layer, 2 for the folder inside the layer.
 */
function folderOf(file, depth) {
  const parts = file.split('/');
  return parts[0] === 'src' && parts.length > depth + 1 ? parts[depth] : undefined;
}

/** @param {string} folder */
function rankOf(folder) {
  return ENGINE_RANKS.findIndex((rank) => rank.includes(folder));
}

/**
 * @param {string} file
 * @param {string} target
 */
function judgeEngineImport(file, target) {
  const from = folderOf(file, 2);
  const to = folderOf(target, 2);
  if (to === 'kernel' && from !== 'kernel' && !KERNEL_SHARED_FILE.test(target)) {
    return `${target} is AssemblyScript; import kernel/layout… or kernel/build/kernel-bytes`;
  }
  if (from === undefined || to === undefined || from === to) return null;
  for (const folder of [from, to]) {
    if (rankOf(folder) < 0) return `engine/${folder} has no rank; add it to tools/layers.mjs`;
  }
  if (rankOf(to) < rankOf(from)) return null;
  return `engine/${from} must not import engine/${to}; it stands beside or above (tools/layers.mjs)`;
}

/**
 * @param {string} file
 * @param {string} layerName
 * @param {Layer} layer
 * @param {string} specifier
 */
function judgeRelativeImport(file, layerName, layer, specifier) {
  const target = normalize(join(dirname(file), specifier.replace(/\?.*$/, ''))).replace(
    /\.[jt]s$/,
    '',
  );
  if (target.endsWith('/index') && file.startsWith(`${dirname(target)}/`)) {
    return `import the file itself, not the index of a folder it lies in (${target})`;
  }
  const other = folderOf(`${target}/`, 1);
  if (other === undefined) return `${layerName} must not import from outside src/ (${target})`;
  if (other === layerName) {
    return layerName === 'engine' ? judgeEngineImport(file, target) : null;
  }
  if (layer.layers.includes(other)) return null;
  const allowed = layer.layers.length > 0 ? layer.layers.join(' and ') : 'no other layer';
  return `${layerName} may import ${allowed}, not ${other}; what both need belongs in the contract`;
}

/**
 * Judges one import.
 * @param {string} file Importing file from the repository's root with forward slashes, such as src/lab/inventory.ts.
 * @param {string} specifier The text between the quotes.
 * @returns {string | null} What is wrong, or null when the import is allowed.
 */
export function judgeImport(file, specifier) {
  const layerName = folderOf(file, 1);
  if (layerName === undefined) return null;
  const layer = LAYERS[layerName];
  if (layer === undefined) return `src/${layerName} is no layer; add it to tools/layers.mjs`;
  if (specifier.startsWith('.')) return judgeRelativeImport(file, layerName, layer, specifier);
  if (isBuiltin(specifier)) {
    return layer.node ? null : `${layerName} must not use Node (${specifier})`;
  }
  const name = packageName(specifier);
  return layer.packages.includes(name)
    ? null
    : `${layerName} must not import the package ${name} (tools/layers.mjs)`;
}
