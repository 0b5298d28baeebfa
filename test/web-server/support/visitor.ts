/** A visitor of the web server that can lie about everything a browser is honest about. */
import { request, type IncomingHttpHeaders } from 'node:http';
import { WebSocket } from 'ws';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export class Visitor {
  readonly port: number;
  readonly token: string;

  constructor(address: string) {
    const url = new URL(address);
    this.port = Number(url.port);
    this.token = url.searchParams.get('token') ?? '';
  }

  /** Sends `path` as it is: `..` stays `..`. */
  ask(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const target = { host: '127.0.0.1', port: this.port, path, headers, method };
      const sent = request(target, (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => (body += text));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        );
      });
      sent.on('error', reject);
      sent.end();
    });
  }

  /** Trades the token for the cookie, in the form of a `Cookie` header. */
  async signIn(): Promise<string> {
    const { headers } = await this.ask(`/?token=${this.token}`);
    return headers['set-cookie']?.[0]?.split(';')[0] ?? '';
  }

  get origin(): string {
    return `http://127.0.0.1:${String(this.port)}`;
  }

  /** Opens a WebSocket; rejects with the status that the server answered instead. */
  connect(target: string, headers: Record<string, string>): Promise<WebSocket> {
    return new Promise((resolve, reject) => {
      const address = `ws://127.0.0.1:${String(this.port)}/connect/${target}`;
      const socket = new WebSocket(address, { headers });
      socket.binaryType = 'arraybuffer';
      socket.once('open', () => resolve(socket));
      socket.once('error', reject);
    });
  }
}
