/**
 * zod schemas of a page, for the edges of a service: request bodies, NDJSON lines, queue messages.
 *
 * They accept what JSON can contain and reject what the repository rejects. This entry needs the packages
 * `zod` and `drizzle-zod`; the rest of the package does not.
 */
import { createInsertSchema, createSelectSchema } from 'drizzle-zod';
import { z } from 'zod';
import type { Ledger } from './define-ledger.ts';
import { type DocumentId, type DocumentKey, requireDocId } from './document-id.ts';
import { InvalidInputError } from './errors.ts';
import { maxVectorsPerPage } from './ids/check-vector-ids.ts';
import { countGivenIds, type GivenVectorIds, requireListOrCount } from './ledger/given-ids.ts';
import { checkGrid, requireGridFits } from './page/grid.ts';
import { maxInteger } from './require.ts';
import { type PageVectors, vectors } from './schema.ts';
import { requireLedger } from './tables.ts';

const positive = (column: z.ZodInt) => column.min(1).max(maxInteger);

/** A vector id in JSON. A number must be a safe integer and stands for its decimal string. */
export const vectorIdSchema = z.union([
  z
    .string()
    .min(1)
    .refine((id) => !id.includes('\0'), 'contains U+0000')
    .refine((id) => id.isWellFormed(), 'contains half of a surrogate pair'),
  z.int(),
]);

/** How the vectors cover the page, see `PatchGrid`. */
export const patchGridSchema = z
  .object({
    cols: positive(z.int()),
    rows: positive(z.int()),
    start: z.int().min(0).max(maxInteger),
    rowStride: positive(z.int()).optional(),
    tile: z.object({ cols: positive(z.int()), rows: positive(z.int()) }).optional(),
    tileStride: positive(z.int()).optional(),
    tileRowGap: z.int().min(0).max(maxInteger).optional(),
  })
  .superRefine(reportInvalidInput((grid) => checkGrid(grid, [])));

/** The fields of a page to record. Only one of `vectorIds` and `patches` may be given. */
const newPageFields = createInsertSchema(vectors, {
  docId: positive,
  page: positive,
  vectorIds: z.array(vectorIdSchema),
  // Strict: a field that this version does not know may say where the patches are, so it must not be dropped.
  grid: patchGridSchema.strict().nullish(),
  namespace: z.string().nullish(),
})
  .pick({ docId: true, page: true, vectorIds: true, grid: true, namespace: true })
  .partial({ vectorIds: true })
  .extend({
    patches: z.int().min(0).max(maxVectorsPerPage).optional(),
    pending: z.boolean().optional(),
  });

/**
 * What `newPageVectorsSchema` accepts. Two fields exclude each other. A check enforces that, and TypeScript cannot derive
 * the type from a check.
 */
type NewPage<DocId = number> = Omit<
  z.infer<typeof newPageFields>,
  'docId' | 'vectorIds' | 'patches'
> & { docId: DocId } & GivenVectorIds<z.infer<typeof vectorIdSchema>>;

const checkIdsAndGrid = reportInvalidInput((page: z.infer<typeof newPageFields>) => {
  requireListOrCount(page, []);
  if (page.grid) requireGridFits(page.grid, countGivenIds(page), ['grid']);
});

/** A page to record, as `upsertPage` accepts it. */
export const newPageVectorsSchema = newPageFields.superRefine(checkIdsAndGrid) as z.ZodType<
  NewPage,
  NewPage
>;

/** A recorded page, as `findByPage` returns it. */
export const pageVectorsSchema = createSelectSchema(vectors, {
  vectorIds: z.array(z.string()),
  grid: patchGridSchema.nullable(),
});

/**
 * Creates the schemas for another ledger. `docId` has the type of the ledger's key, and is checked as the repository checks it. A bigint may
 * also be a number or a string of digits, because JSON has no bigint; the result is a bigint.
 *
 * @param ledger - What `defineLedger` returned.
 * @throws {InvalidInputError}
 * @example
 * const { newPageVectorsSchema } = createPageSchemas(ledger);
 * await repository.upsertPage(newPageVectorsSchema.parse(await request.json()));
 */
export function createPageSchemas<DocId extends DocumentId>(
  ledger: Ledger<DocId>,
): {
  newPageVectorsSchema: z.ZodType<NewPage<DocId>>;
  pageVectorsSchema: z.ZodType<PageVectors<DocId>>;
} {
  requireLedger(ledger, ['ledger']);
  const docId = docIdSchema(ledger);
  const newPage = newPageFields.extend({ docId });
  return {
    newPageVectorsSchema: newPage.superRefine(checkIdsAndGrid as never) as never,
    pageVectorsSchema: pageVectorsSchema.extend({ docId }) as never,
  };
}

function docIdSchema(key: DocumentKey): z.ZodType<DocumentId> {
  const check = reportInvalidInput((docId: DocumentId) => requireDocId(docId, [], key));
  if (key.keyType === 'integer') return z.int().superRefine(check);
  if (key.keyType !== 'bigint') return z.string().superRefine(check);
  if (key.documentId.dataType !== 'bigint') return z.int().superRefine(check);
  const digits = z.string().regex(/^-?\d{1,19}$/);
  return z.union([z.bigint(), z.union([z.int(), digits]).transform(BigInt)]).superRefine(check);
}

/** Turns a check that throws `InvalidInputError` into one that reports issues to zod. */
function reportInvalidInput<T>(check: (value: T) => void) {
  return (value: T, context: z.RefinementCtx<T>): void => {
    try {
      check(value);
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error;
      context.addIssue({ code: 'custom', message: error.reason, path: [...error.path] });
    }
  };
}
