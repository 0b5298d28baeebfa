/**
 * Collects the licences of everything that ships: the packages whose code is in the bundles, and the native module
 * that ships beside them. Electron brings its own two licence files.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const LICENCE_FILE = /^(licen[cs]e|copying|notice)/i;
const PACKAGE_IN_PATH = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/;

/** @param {string} folder @returns {string[]} */
function sourceMaps(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.map'))
    .map((entry) => join(entry.parentPath, entry.name));
}

/**
 * @param {string} json
 * @param {string} field
 * @returns {unknown}
 */
function jsonField(json, field) {
  /** @type {unknown} */
  const parsed = JSON.parse(json);
  return typeof parsed === 'object' && parsed !== null ? Reflect.get(parsed, field) : undefined;
}

/**
 * Folders of the packages that a source map names, from the repository's root.
 * @param {string} map Text of a source map.
 * @returns {string[]}
 */
export function packagesInSourceMap(map) {
  const sources = jsonField(map, 'sources');
  if (!Array.isArray(sources)) return [];
  const folders = sources.map(String).flatMap((source) => {
    const path = source.slice(Math.max(0, source.indexOf('node_modules/')));
    const match = PACKAGE_IN_PATH.exec(path);
    return match === null ? [] : [path.slice(0, match.index + match[0].length - 1)];
  });
  return [...new Set(folders)];
}

/** @param {string} folder */
function licenceText(folder) {
  const file = readdirSync(folder).find((name) => LICENCE_FILE.test(name));
  return file === undefined ? undefined : readFileSync(join(folder, file), 'utf8').trim();
}

/**
 * @param {string} root
 * @param {string} folder
 */
function notice(root, folder) {
  const path = join(root, folder);
  const manifest = readFileSync(join(path, 'package.json'), 'utf8');
  const title = ['name', 'version'].map((field) => String(jsonField(manifest, field))).join(' ');
  const text = licenceText(path) ?? `Licence: ${String(jsonField(manifest, 'license'))}`;
  return `${title}\n\n${text}\n`;
}

/**
 * @param {string} root Folder of the repository, with bundles and their source maps in out/.
 * @returns {string}
 */
export function thirdPartyNotices(root) {
  const bundled = sourceMaps(join(root, 'out')).flatMap((map) =>
    packagesInSourceMap(readFileSync(map, 'utf8')),
  );
  const folders = [...new Set([...bundled, 'node_modules/koffi'])]
    .filter((folder) => existsSync(join(root, folder, 'package.json')))
    .sort();
  const rule = `\n${'-'.repeat(80)}\n\n`;
  return folders.map((folder) => notice(root, folder)).join(rule);
}
