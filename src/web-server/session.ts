/**
 * Who may use the page. The printed address carries a token that works once: the first visit trades
 * it for a session cookie that scripts cannot read and other sites cannot send. Whoever reads the
 * address later, in a history or a log, has nothing.
 *
 * One session per start of the program; it ends with it.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';

const SECRET_BYTES = 32;

export class Session {
  /** For the printed address. */
  readonly token = newSecret();
  readonly #secret = newSecret();
  readonly #cookieName: string;
  #isTokenUsed = false;

  /** @param port Cookies are shared by all ports of a machine, so the name carries it. */
  constructor(port: number) {
    this.#cookieName = `vmq-console-${String(port)}`;
  }

  /** Trades the token for the value of a `Set-Cookie` header; undefined when it is wrong or used. */
  redeem(token: string): string | undefined {
    if (this.#isTokenUsed || !isSameSecret(token, this.token)) return undefined;
    this.#isTokenUsed = true;
    return `${this.#cookieName}=${this.#secret}; Path=/; HttpOnly; SameSite=Strict`;
  }

  /** Whether a request's `Cookie` header belongs to this session. */
  admits(cookieHeader: string | undefined): boolean {
    const prefix = `${this.#cookieName}=`;
    return (cookieHeader ?? '')
      .split(';')
      .map((pair) => pair.trim())
      .some(
        (pair) => pair.startsWith(prefix) && isSameSecret(pair.slice(prefix.length), this.#secret),
      );
  }
}

function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

/** Takes the same time wherever the two differ. */
function isSameSecret(found: string, expected: string): boolean {
  const foundBytes = Buffer.from(found);
  const expectedBytes = Buffer.from(expected);
  return foundBytes.length === expectedBytes.length && timingSafeEqual(foundBytes, expectedBytes);
}
