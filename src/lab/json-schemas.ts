/** JSON Schemas of the files that people and other programs write and read, made from the contract. */
import { z } from 'zod';

import { labFileSchema } from '../contract/lab-file';
import { labReportSchema } from '../contract/report';

export interface PublishedSchema {
  /** Path below the project's folder. */
  readonly path: string;
  readonly schema: object;
}

/** Every schema that `docs/` publishes. */
export function publishedSchemas(): PublishedSchema[] {
  return [
    {
      path: 'docs/lab-file.schema.json',
      // As it is written, before defaults are filled in.
      schema: withTitle('VMQ Console lab file', z.toJSONSchema(labFileSchema, { io: 'input' })),
    },
    {
      path: 'docs/report.schema.json',
      schema: withTitle(
        'VMQ Console lab report',
        z.toJSONSchema(labReportSchema, { io: 'output' }),
      ),
    },
  ];
}

function withTitle(title: string, { $schema, ...schema }: z.core.JSONSchema.BaseSchema): object {
  return { $schema, title, ...schema };
}
