/** Live objects on the JavaScript heaps of worker threads, after a collection; what WebAssembly and shared memory hold is outside. */
import type { Worker } from 'node:worker_threads';

import { z } from 'zod';

const snapshotSchema = z.object({
  snapshot: z.object({ meta: z.object({ node_fields: z.array(z.string()) }) }),
  nodes: z.array(z.number()),
});

/** Bytes over all these threads. A thread answers at its next turn, so this takes up to a second. */
export async function heapBytes(workers: readonly Worker[]): Promise<number> {
  let bytes = 0;
  for (const worker of workers) bytes += await heapBytesOf(worker);
  return bytes;
}

async function heapBytesOf(worker: Worker): Promise<number> {
  const chunks: string[] = [];
  const stream = await worker.getHeapSnapshot();
  for await (const chunk of stream) chunks.push(String(chunk));
  const { snapshot, nodes } = snapshotSchema.parse(JSON.parse(chunks.join('')));
  const fields = snapshot.meta.node_fields;
  const size = fields.indexOf('self_size');
  let bytes = 0;
  for (let at = size; at < nodes.length; at += fields.length) bytes += nodes[at] ?? 0;
  return bytes;
}
