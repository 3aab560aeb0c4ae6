/**
 * zod schemas of a page, for the edges of a service: request bodies, NDJSON lines, queue messages.
 *
 * They accept what JSON can hold and refuse what the repository refuses. Needs the packages `zod` and
 * `drizzle-zod`; the rest of the package needs neither.
 */
import { createInsertSchema, createSelectSchema } from 'drizzle-zod';
import { z } from 'zod';
import { maxInteger } from './require.ts';
import { vectors } from './schema.ts';

const positive = (column: z.ZodInt) => column.min(1).max(maxInteger);

/** An id as JSON holds it; a number must be a safe integer and stands for its decimal string. */
export const vectorIdSchema = z.union([
  z
    .string()
    .min(1)
    .refine((id) => !id.includes('\0'), 'holds the character U+0000')
    .refine((id) => id.isWellFormed(), 'holds half of a surrogate pair'),
  z.int(),
]);

/** Where patches lie on the page; see `PatchGrid`. */
export const patchGridSchema = z.object({
  cols: positive(z.int()),
  rows: positive(z.int()),
  start: z.int().min(0).max(maxInteger),
});

/** A page to record: what `upsertPage` takes. */
export const newPageVectorsSchema = createInsertSchema(vectors, {
  docId: positive,
  page: positive,
  vectorIds: z.array(vectorIdSchema),
  grid: patchGridSchema.nullish(),
})
  .pick({ docId: true, page: true, vectorIds: true, grid: true })
  .refine(
    ({ grid, vectorIds }) => !grid || grid.start + grid.cols * grid.rows <= vectorIds.length,
    { path: ['grid'], message: 'needs more vectors than the page has' },
  );

/** A recorded page: what `findByPage` returns. */
export const pageVectorsSchema = createSelectSchema(vectors, {
  vectorIds: z.array(z.string()),
  grid: patchGridSchema.nullable(),
});
