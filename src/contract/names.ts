/** Ids and names: what every other schema refers to objects by. */
import { z } from 'zod';

/** Ids are short and stable: `host-a`, `vm-3`, `nic-vm-3-0`. They never change while the object lives. */
export const idSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'expected 1 to 40 of a-z, 0-9 and -');
export const nameSchema = z
  .string()
  .trim()
  .min(1, 'expected a name')
  .max(60, 'expected at most 60 characters');
