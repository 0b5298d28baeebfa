/** Finds the page's files. Nothing outside of the folder is ever found, however the path is written. */
import { readFile } from 'node:fs/promises';
import { extname, resolve, sep } from 'node:path';

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
};

export interface PageFile {
  readonly contentType: string;
  readonly content: Buffer;
}

/** The file that a URL path names, or undefined when there is none. */
export async function readPageFile(folder: string, urlPath: string): Promise<PageFile | undefined> {
  const file = locate(folder, urlPath === '/' ? '/index.html' : urlPath);
  const contentType = CONTENT_TYPES[extname(file ?? '')];
  if (file === undefined || contentType === undefined) return undefined;
  try {
    return { contentType, content: await readFile(file) };
  } catch {
    return undefined;
  }
}

function locate(folder: string, urlPath: string): string | undefined {
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
