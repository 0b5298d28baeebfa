/**
 * Reads a capture file from disk through a `CaptureParser`, one chunk at a time. Runs on a link
 * thread. Between two chunks it waits for the caller, so that a replay decides how fast the file is
 * read and no more than one chunk is in memory.
 */
import type { FileHandle } from 'node:fs/promises';
import { open, stat } from 'node:fs/promises';

import { KIB } from '../../../shared/units';
import { CaptureError } from './capture-error';
import type { CaptureFormat, CaptureParserOptions } from './capture-parser';
import { CaptureParser } from './capture-parser';
import type { CaptureFrameSink } from './capture-unit';

/** How much of the file is read at once unless the caller says otherwise. */
export const DEFAULT_CHUNK_BYTES = 256 * KIB;

/** What has been read so far. */
export interface CaptureProgress {
  readonly bytesRead: number;
  readonly frameCount: number;
}

/** The optional parts of {@link readCapture}. */
export interface ReadCaptureOptions extends CaptureParserOptions {
  /** Default {@link DEFAULT_CHUNK_BYTES}. */
  readonly chunkBytes?: number;
  /** Called after the frames of each chunk; the next chunk is read when it resolves. */
  readonly afterChunk?: (progress: CaptureProgress) => Promise<void> | void;
  /** Stops between two chunks; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A file that was read to its end. */
export interface CaptureSummary extends CaptureProgress {
  readonly format: CaptureFormat;
}

/**
 * Delivers every frame of the file at `path` to `sink`, in the order of the file.
 *
 * Rejects with a `CaptureError`: `capture-unreadable` when the file cannot be opened or read,
 * `capture-malformed` at the first departure from its format, after the frames before it have been
 * delivered. The file is closed in every case.
 */
export async function readCapture(
  path: string,
  sink: CaptureFrameSink,
  options: ReadCaptureOptions = {},
): Promise<CaptureSummary> {
  const file = await openRegularFile(path);
  try {
    return await parseFile(file, path, sink, options);
  } finally {
    await file.close();
  }
}

async function parseFile(
  file: FileHandle,
  path: string,
  sink: CaptureFrameSink,
  options: ReadCaptureOptions,
): Promise<CaptureSummary> {
  const parser = new CaptureParser(sink, options);
  const buffer = new Uint8Array(options.chunkBytes ?? DEFAULT_CHUNK_BYTES);
  let bytesRead = 0;
  for (;;) {
    options.signal?.throwIfAborted();
    const chunkBytes = await readChunk(file, path, buffer);
    if (chunkBytes === 0) break;
    bytesRead += chunkBytes;
    parser.push(buffer.subarray(0, chunkBytes));
    await options.afterChunk?.({ bytesRead, frameCount: parser.frameCount });
  }
  parser.end();
  return { format: parser.format ?? 'pcap', bytesRead, frameCount: parser.frameCount };
}

/** A pipe or device could keep the thread waiting for ever; a folder has no bytes. */
async function openRegularFile(path: string): Promise<FileHandle> {
  const stats = await stat(path).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  if (!stats.isFile()) throw unreadable(path, new Error('it is not a regular file'));
  return open(path, 'r').catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
}

async function readChunk(file: FileHandle, path: string, buffer: Uint8Array): Promise<number> {
  const { bytesRead } = await file.read(buffer, 0, buffer.length).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  return bytesRead;
}

function unreadable(path: string, cause: unknown): CaptureError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CaptureError('capture-unreadable', `capture file "${path}" not read: ${reason}`, {
    data: { path, reason },
    cause,
  });
}
