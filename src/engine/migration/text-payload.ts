/**
 * Payloads that are JSON: Hello, Refuse, State and Abort. Small and rare; pages never come this way.
 */
import { z } from 'zod';
import { PAGE_SIZE } from '../kernel/layout';
import { NOTICE_MAX_BYTES, REASON_MAX_LENGTH, T_TEXT } from './protocol';
import { reasonOf, streamInvalid } from './refusals';

const helloSchema = z.strictObject({
  token: z.string().min(1).max(200),
  vmId: z.string().min(1).max(100),
  memoryBytes: z.int().min(PAGE_SIZE).max(0xffff_f000).multipleOf(PAGE_SIZE),
  pageSize: z.int().min(1),
  /**
   * Name of a socket beside the target's, at which the source takes the target's own connection for
   * everything that follows; null: everything comes on this one.
   */
  back: z
    .string()
    .regex(/^[a-z0-9-]{1,80}$/)
    .nullable()
    .default(null),
});
export type Hello = z.infer<typeof helloSchema>;

const noticeSchema = z.strictObject({ reason: z.string().max(REASON_MAX_LENGTH) });

/** @throws RefusalError `migration-stream-invalid` */
export function parseHello(payload: Uint8Array): Hello {
  return parse(helloSchema, payload, 'Hello');
}

/** Payload of a Refuse or an Abort; a long reason is cut. */
export function noticePayload(reason: string): Uint8Array {
  let text = reason.slice(0, REASON_MAX_LENGTH);
  // Escapes may blow the JSON up beyond what the receiver takes.
  while (textBytes({ reason: text }) > NOTICE_MAX_BYTES) text = text.slice(0, text.length / 2);
  return textPayload({ reason: text });
}

/** The reason in a Refuse or an Abort. @throws RefusalError `migration-stream-invalid` */
export function parseNotice(payload: Uint8Array): string {
  const { reason } = parse(noticeSchema, payload, 'reason');
  // It ends in logs and on screens, and the other side chose it.
  return reason.replace(/\p{C}/gu, ' ');
}

/** A value as a text payload. */
export function textPayload(value: unknown): Uint8Array {
  const text = Buffer.from(JSON.stringify(value), 'utf8');
  const payload = Buffer.alloc(paddedBytes(text.length));
  payload.writeUInt32LE(text.length, 0);
  payload.set(text, T_TEXT);
  return payload;
}

/** The value in a text payload, not validated yet. @throws RefusalError `migration-stream-invalid` */
export function readTextPayload(payload: Uint8Array, name: string): unknown {
  // A copy: decoders do not read shared memory.
  const bytes = Buffer.from(payload);
  const length = bytes.readUInt32LE(0);
  if (length > bytes.length - T_TEXT || paddedBytes(length) !== bytes.length) {
    throw streamInvalid(`${name}: a text of ${length} bytes does not fill ${bytes.length} bytes.`);
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true });
    return JSON.parse(text.decode(bytes.subarray(T_TEXT, T_TEXT + length)));
  } catch (cause) {
    throw streamInvalid(`${name}: the text is not JSON in UTF-8: ${reasonOf(cause)}`, cause);
  }
}

function parse<T>(schema: z.ZodType<T>, payload: Uint8Array, name: string): T {
  const parsed = schema.safeParse(readTextPayload(payload, name));
  if (parsed.success) return parsed.data;
  throw streamInvalid(`${name} is not valid: ${reasonOf(parsed.error)}`, parsed.error);
}

function textBytes(value: unknown): number {
  return paddedBytes(Buffer.byteLength(JSON.stringify(value)));
}

function paddedBytes(textLength: number): number {
  return Math.ceil((T_TEXT + textLength) / 8) * 8;
}
