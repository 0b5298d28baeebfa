/** Answers the browser's HTTP requests: the token's one visit, then the page's files. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isAddressedToLoopback } from './local-request';
import { readPageFile } from './page-files';
import { PAGE_HEADERS } from './page-headers';
import type { Session } from './session';

const PLAIN_TEXT = 'text/plain; charset=utf-8';
const NEW_ADDRESS =
  'This address is no longer valid. Start VMQ Console again and open the address that it prints.\n';

export interface PageRequestOptions {
  readonly port: number;
  readonly session: Session;
  readonly pageFolder: string;
}

/** Answers one request; rejects only when the connection itself fails. */
export async function answerPageRequest(
  request: IncomingMessage,
  response: ServerResponse,
  { port, session, pageFolder }: PageRequestOptions,
): Promise<void> {
  if (!isAddressedToLoopback(request, port)) {
    refuse(response, 403, 'This server answers on the loopback address only.\n');
    return;
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    refuse(response, 405, 'Only GET and HEAD are possible here.\n');
    return;
  }
  const [path = '/', query] = (request.url ?? '/').split('?');
  const token = new URLSearchParams(query).get('token');
  const isAdmitted = session.admits(request.headers.cookie);
  if (token !== null && request.method === 'GET') {
    answerToken(response, session.redeem(token), isAdmitted);
  } else if (!isAdmitted) {
    refuse(response, 401, NEW_ADDRESS);
  } else {
    await answerFile(response, pageFolder, path, request.method);
  }
}

/** Leads to the page without the token, so that the address bar and the history do not keep it. */
function answerToken(
  response: ServerResponse,
  cookie: string | undefined,
  isAdmitted: boolean,
): void {
  if (cookie === undefined && !isAdmitted) {
    refuse(response, 401, NEW_ADDRESS);
    return;
  }
  response.writeHead(303, {
    ...PAGE_HEADERS,
    ...(cookie !== undefined && { 'Set-Cookie': cookie }),
    Location: '/',
  });
  response.end();
}

async function answerFile(
  response: ServerResponse,
  pageFolder: string,
  path: string,
  method: string,
): Promise<void> {
  const file = await readPageFile(pageFolder, path);
  if (file === undefined) {
    refuse(response, 404, 'There is no such file.\n');
    return;
  }
  const { contentType, content } = file;
  response.writeHead(200, {
    ...PAGE_HEADERS,
    'Content-Type': contentType,
    'Content-Length': content.length,
  });
  response.end(method === 'HEAD' ? undefined : content);
}

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { ...PAGE_HEADERS, 'Content-Type': PLAIN_TEXT });
  response.end(text);
}
