/**
 * The scheme that the page comes from. `app:` is a standard, secure origin of its own: unlike `file:`
 * it has a content security policy, local storage and relative addresses, and reads one folder only.
 */
import { pathToFileURL } from 'node:url';
import { net, protocol, type Session } from 'electron';
import { locatePageFile } from './page-location';
import { PAGE_HEADERS } from './page-headers';

const SCHEME = 'app';
const HOST = 'vmq-console';

/** The page's origin in the built application. */
export const PAGE_ORIGIN = `${SCHEME}://${HOST}`;
export const PAGE_ADDRESS = `${PAGE_ORIGIN}/index.html`;

/** Must be called before the application is ready. */
export function declareScheme(): void {
  const privileges = { standard: true, secure: true, supportFetchAPI: true };
  protocol.registerSchemesAsPrivileged([{ scheme: SCHEME, privileges }]);
}

/** Serves the built page in `pageFolder` to the windows of `session`. */
export function servePage(session: Session, pageFolder: string): void {
  session.protocol.handle(SCHEME, async (request) => {
    const { host, pathname } = new URL(request.url);
    const file = host === HOST ? locatePageFile(pageFolder, pathname) : undefined;
    if (file === undefined || request.method !== 'GET') return notFound();
    try {
      const { body, headers } = await net.fetch(pathToFileURL(file).href);
      const contentType = headers.get('content-type') ?? 'application/octet-stream';
      return new Response(body, { headers: { ...PAGE_HEADERS, 'Content-Type': contentType } });
    } catch {
      return notFound();
    }
  });
}

function notFound(): Response {
  return new Response('There is no such file.', { status: 404, headers: { ...PAGE_HEADERS } });
}
