import { isNull, sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import type { SchemaDrift } from '../migrations/drift.ts';
import { hasVectors } from '../migrations/history.ts';
import { type MigrationStatus, readMigrationStatus } from '../migrations/status.ts';
import { defaultTables } from '../tables.ts';
import { type DatabaseDescription, describeDatabase } from './database.ts';
import { count } from './output.ts';

/** What `colpali-vectors status --json` prints. */
export interface LedgerStatus extends MigrationStatus {
  database: DatabaseDescription;
  /** How many pages are recorded; null where there is no table `vectors`. */
  pages: number | null;
  /** How many of them are pending; null before the migrations. */
  pendingPages: number | null;
  /** How many rows wait in `vector_orphans` for a purge; null before the migrations. */
  orphans: number | null;
}

export async function readLedgerStatus(db: Db, url: string | undefined): Promise<LedgerStatus> {
  const database = await describeDatabase(db, url);
  const migrations = await readMigrationStatus(db);
  return { database, ...migrations, ...(await countRows(db, migrations.drift !== null)) };
}

async function countRows(
  db: Db,
  isCurrent: boolean,
): Promise<Pick<LedgerStatus, 'pages' | 'pendingPages' | 'orphans'>> {
  if (!(await hasVectors(db))) return { pages: null, pendingPages: null, orphans: null };
  const { vectors, vectorOrphans } = defaultTables;
  if (isCurrent) {
    return {
      pages: await db.$count(vectors),
      pendingPages: await db.$count(vectors, isNull(vectors.indexedAt)),
      orphans: await db.$count(vectorOrphans),
    };
  }
  const [found] = rowsOf<{ pages: number }>(
    await db.execute(sql`select count(*)::integer as pages from vectors`),
  );
  return { pages: found?.pages ?? null, pendingPages: null, orphans: null };
}

export function formatLedgerStatus(status: LedgerStatus): string {
  const { database, applied, pending, skipped, unknown, drift, ...rows } = status;
  const place =
    database.kind === 'postgres'
      ? `PostgreSQL ${database.version}, ${database.database} at ${database.server} as ${database.user}`
      : `PGlite (PostgreSQL ${database.version}) in ${database.directory}`;
  const lines = [
    `database    ${place}`,
    `migrations  ${applied.length} applied, ${pending.length} pending`,
    ...pending.map((tag) => `              ${tag}`),
    ...skipped.map((tag) => `              ${tag} came too late: generate it anew`),
    ...(unknown > 0 ? [`              ${unknown} of a newer version of this package`] : []),
    `drift       ${formatDrift(drift)}`,
  ];
  if (rows.pages === null) lines.push('pages       no table vectors');
  else if (rows.pendingPages === null)
    lines.push(`pages       ${count(rows.pages, 'row')} in vectors`);
  else {
    lines.push(
      `pages       ${count(rows.pages, 'page')}, ${count(rows.pendingPages, 'pending', 'pending')}`,
    );
  }
  if (rows.orphans !== null)
    lines.push(`orphans     ${count(rows.orphans, 'row')} waiting for a purge`);
  return lines.join('\n');
}

function formatDrift(drift: readonly SchemaDrift[] | null): string {
  if (drift === null) return 'not compared: the database is at another version';
  if (drift.length === 0) return 'none';
  return drift
    .map(({ object, problem, expected, found = '' }) => {
      const isShort = !`${expected}${found}`.includes('\n');
      const details =
        problem === 'changed' && isShort
          ? `\n                ${found}\n                instead of ${expected}`
          : '';
      return `\n              ${object} is ${problem}${details}`;
    })
    .join('');
}
