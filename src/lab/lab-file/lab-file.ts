/**
 * Lab files: a lab and what to do with it, in YAML (`docs/lab-file.md`). Loading finds every problem
 * before anything starts.
 */
import { access, constants, readFile } from 'node:fs/promises';

import { labFileSchema, type LabFile } from '../../contract/lab-file';
import type { LabConfig, LinkConfig } from '../../contract/model';
import { AdapterProfiles } from '../adapter-profiles';
import type { CaptureLibrary } from '../captures';
import { compileLab, type CompiledLab } from './compile';
import { compileSteps } from './compile-steps';
import { LabFileError } from './lab-file-error';
import { reportIssues } from './schema-problems';
import { LabFileSource } from './source';
import type { LabStep } from './steps';

export interface LoadedLabFile {
  readonly name: string;
  /** Hosts, VMs, and the links that start with the lab. */
  readonly config: LabConfig;
  /** Links that a step starts, by id. */
  readonly deferredLinks: ReadonlyMap<string, LinkConfig>;
  readonly steps: readonly LabStep[];
}

/** @throws LabFileError with every problem of the file */
export async function loadLabFile(path: string, captures: CaptureLibrary): Promise<LoadedLabFile> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw new LabFileError(path, [
      { line: 1, column: 1, field: '', expected: 'a readable file', found },
    ]);
  }
  return parseLabFile(text, path, captures);
}

/**
 * As {@link loadLabFile}, for a text; `path` is where it came from, since captures are relative to it.
 *
 * @throws LabFileError with every problem of the text
 */
export async function parseLabFile(
  text: string,
  path: string,
  captures: CaptureLibrary,
): Promise<LoadedLabFile> {
  const source = new LabFileSource(text);
  requireSound(path, source);
  const parsed = labFileSchema.safeParse(source.value);
  if (!parsed.success) reportIssues(source, parsed.error.issues);
  requireSound(path, source);
  const file = labFileSchema.parse(source.value);
  const profiles = await new AdapterProfiles(captures.resourcesFolder).all();
  const compiled = compileLab(file, path, source, profiles);
  const steps = compileSteps(file, compiled, source);
  await checkCaptures(file, compiled, captures, source);
  requireSound(path, source);
  const deferred = [...compiled.links.values()].filter(({ id }) => compiled.deferred.has(id));
  return {
    name: file.name,
    config: compiled.config,
    deferredLinks: new Map(deferred.map((link) => [link.id, link])),
    steps,
  };
}

async function checkCaptures(
  file: LabFile,
  compiled: CompiledLab,
  captures: CaptureLibrary,
  source: LabFileSource,
): Promise<void> {
  for (const [index, link] of file.links.entries()) {
    const config = compiled.links.get(link.name);
    if (link.kind !== 'replay' || config?.kind !== 'replay') continue;
    const capture = captures.pathOf(config.file);
    const isReadable = capture !== undefined && (await canRead(capture));
    if (!isReadable)
      source.report(
        ['links', index, 'file'],
        'a capture that can be read',
        capture ?? `"${link.file}"`,
      );
  }
}

async function canRead(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}

function requireSound(path: string, source: LabFileSource): void {
  if (source.problems.length > 0) throw new LabFileError(path, source.problems);
}
