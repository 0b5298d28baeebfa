/** The secret by which a target knows its source: made by the target's host, carried by the lab. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** A new token: 256 random bits in hexadecimal. */
export function newToken(): string {
  return randomBytes(32).toString('hex');
}

/** Compares in a time that says nothing about where the two differ, nor about their lengths. */
export function isSameToken(a: string, b: string): boolean {
  return timingSafeEqual(sha256(a), sha256(b));
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
