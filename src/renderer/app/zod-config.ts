/**
 * Keeps zod from compiling validators with `new Function`, which the page's content security policy
 * forbids. Must be the first import of the page: schemas look at this when they are made.
 */
import { z } from 'zod';

z.config({ jitless: true });
