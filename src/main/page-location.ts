/** Where a file of the page is. Nothing outside of the folder is ever named, however the path is written. */
import { resolve, sep } from 'node:path';

/** The file that a URL path names, or undefined when it leads out of the folder. */
export function locatePageFile(folder: string, urlPath: string): string | undefined {
  const path = decode(urlPath);
  if (path === undefined || path.includes('\0') || path.includes('\\')) return undefined;
  const root = resolve(folder);
  const file = resolve(root, `.${path}`);
  return file.startsWith(root + sep) ? file : undefined;
}

function decode(urlPath: string): string | undefined {
  try {
    return decodeURIComponent(urlPath);
  } catch {
    return undefined;
  }
}
