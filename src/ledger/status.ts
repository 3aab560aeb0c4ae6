import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import type { Ledger } from '../define-ledger.ts';
import type { DocumentId } from '../document-id.ts';
import { withLedgerErrors } from '../driver-errors.ts';
import { requireOptions } from '../require.ts';
import { requireLedger, tablesOf } from '../tables.ts';
import { uniform } from '../uniform-db.ts';

/** What is in the ledger, and what waits. */
export interface LedgerStatus {
  /** How many pages are recorded, including the pending ones. */
  pages: number;
  pending: {
    pages: number;
    /** How long ago the oldest pending page was recorded, in milliseconds. Null if no page is pending. */
    oldestMs: number | null;
  };
  orphans: {
    /** How many rows and ids wait in `vector_orphans`. */
    rows: number;
    vectors: number;
    /** How many rows the next purge would try. The others wait because an attempt failed, or because their page is pending. */
    dueRows: number;
    /** How long ago the oldest row was queued, in milliseconds. Null if the queue is empty. */
    oldestMs: number | null;
    /** The number of attempts of the row that purges have tried most often. */
    maxAttempts: number;
  };
}

/** The columns of the statement. */
type Row = Record<
  'pages' | 'pending_pages' | 'orphan_rows' | 'orphan_ids' | 'due_rows' | 'max_attempts',
  number
> &
  Record<'pending_age' | 'orphan_age', number | null>;

/**
 * Counts what is in the ledger and what waits, in one statement. For health checks and metrics: alert if the oldest
 * pending page is older than an ingest takes, or the oldest orphan older than the time between two purges.
 *
 * The statement reads an index of all pages and the whole queue, so do not run it more often than you need the figures.
 *
 * @param hostDb - A database or a transaction. With row level security, it counts the rows that the role sees.
 * @throws {MigrationError} The migrations have not been run.
 * @example
 * const { pending, orphans } = await ledgerStatus(db);
 * console.log(pending.pages, orphans.oldestMs);
 */
export async function ledgerStatus<DocId extends DocumentId = number>(
  hostDb: Db,
  options: {
    /** What `defineLedger` returned. {@defaultValue the package's own tables} */
    ledger?: Ledger<DocId> | undefined;
  } = {},
): Promise<LedgerStatus> {
  const db = uniform(hostDb);
  requireOptions(options, { ledger: requireLedger });
  const { vectors, vectorOrphans } = tablesOf(options.ledger);
  const count = sql`count(*)::double precision`;
  const ageMs = (column: string) =>
    sql`(extract(epoch from clock_timestamp() - min(${sql.identifier(column)})) * 1000)::double precision`;
  return withLedgerErrors(async () => {
    const [row] = rowsOf<Row>(
      await db.execute(sql`
        select pages, pending_pages, pending_age, orphan_rows, orphan_ids, due_rows, orphan_age, max_attempts
        from (select ${count} as pages from ${vectors}) as page,
          (select ${count} as pending_pages, ${ageMs('recorded_at')} as pending_age
            from ${vectors} where indexed_at is null) as pending,
          (select ${count} as orphan_rows, coalesce(sum(vector_count), 0)::double precision as orphan_ids,
              ${ageMs('orphaned_at')} as orphan_age, coalesce(max(attempts), 0) as max_attempts,
              (count(*) filter (where due_at <= clock_timestamp() and not exists (
                select from ${vectors} as page
                where page.doc_id = orphan.doc_id and page.page = orphan.page and page.indexed_at is null
              )))::double precision as due_rows
            from ${vectorOrphans} as orphan) as orphans`),
    );
    // A count always returns a row.
    const found = row as Row;
    return {
      pages: found.pages,
      pending: { pages: found.pending_pages, oldestMs: found.pending_age },
      orphans: {
        rows: found.orphan_rows,
        vectors: found.orphan_ids,
        dueRows: found.due_rows,
        oldestMs: found.orphan_age,
        maxAttempts: found.max_attempts,
      },
    };
  });
}
