import { sql } from 'drizzle-orm';
import { parseDatabaseUrl } from '../connect/database-url.ts';
import { describeAddresses, parseServerUrl } from '../connect/server-url.ts';
import { type Db, rowsOf } from '../db.ts';
import { ledgerStatus } from '../ledger/status.ts';
import type { LedgerObject } from '../migrations/catalog.ts';
import { ledgerDrift, type SchemaDrift } from '../migrations/drift.ts';
import { expectedObjects } from '../migrations/schema-file.ts';
import { type MigrationStatus, readMigrationStatus } from '../migrations/status.ts';
import { hasVectorsTable, tableExists } from '../migrations/vectors-table.ts';
import { type LedgerShape, readShape } from '../scale/shape.ts';
import { defaultTables, qualifiedName, type VectorTables } from '../tables.ts';
import { uniform } from '../uniform-db.ts';

/** The database that the command line uses, without its password. */
export type DatabaseDescription =
  | { kind: 'postgres'; version: string; server: string; database: string; user: string }
  | { kind: 'pglite'; version: string; directory: string };

/** What `colpali-vectors status --json` prints about the package's own ledger. */
export interface StatusReport extends MigrationStatus, Counts {
  database: DatabaseDescription;
  /** How the pages are stored; null if the table `vectors` does not exist. */
  shape: LedgerShape | null;
}

/** What `colpali-vectors status --ledger <module> --json` prints. Your own migrations created that ledger. */
export interface LedgerReport extends Counts {
  database: DatabaseDescription;
  /** The table of pages: `"app"."vectors"`. */
  ledger: string;
  /** How the pages are stored; null if the table does not exist. */
  shape: LedgerShape | null;
  /** Null if the table does not exist. */
  drift: SchemaDrift[] | null;
  /** Whether the ledger has any of its functions. Without them, it is not installed. Null if the table does not exist. */
  installed: boolean | null;
}

interface Counts {
  /** Number of recorded pages; null if the table `vectors` does not exist. */
  pages: number | null;
  /** Number of pending pages; null unless the database has the current schema. */
  pendingPages: number | null;
  /** Number of rows in `vector_orphans`; null unless the database has the current schema. */
  orphans: number | null;
}

const notCounted = { pages: null, pendingPages: null, orphans: null } satisfies Counts;

export async function readStatusReport(db: Db, url: string | undefined): Promise<StatusReport> {
  const database = await describeDatabase(db, url);
  const migrations = await readMigrationStatus(db);
  const shape = (await hasVectorsTable(db)) ? await readShape(uniform(db), defaultTables) : null;
  return { database, ...migrations, shape, ...(await countRows(db, migrations.drift !== null)) };
}

export async function readLedgerReport(
  db: Db,
  url: string | undefined,
  ledger: VectorTables,
): Promise<LedgerReport> {
  const report = {
    database: await describeDatabase(db, url),
    ledger: qualifiedName(ledger.vectors),
  };
  if (!(await tableExists(db, ledger.vectors))) {
    return { ...report, shape: null, drift: null, installed: null, ...notCounted };
  }
  const shape = await readShape(uniform(db), ledger);
  const drift = await ledgerDrift(db, { ledger });
  const installed = hasFunctions(drift, expectedObjects(ledger, shape));
  // A missing column would make counting fail.
  const isComplete = !drift.some(({ object }) => object.startsWith('column '));
  if (!isComplete) return { ...report, shape, drift, installed, ...notCounted };
  const { pages, pending, orphans } = await ledgerStatus(db, { ledger });
  const counts = { pages, pendingPages: pending.pages, orphans: orphans.rows };
  return { ...report, shape, drift, installed, ...counts };
}

function hasFunctions(drift: readonly SchemaDrift[], expected: readonly LedgerObject[]): boolean {
  const missing = new Set(drift.flatMap((each) => (each.problem === 'missing' ? each.object : [])));
  return expected.some(({ object }) => object.startsWith('function ') && !missing.has(object));
}

async function describeDatabase(db: Db, url: string | undefined): Promise<DatabaseDescription> {
  const target = parseDatabaseUrl(url);
  const [about] = rowsOf<{ version: string; database: string; user: string }>(
    await db.execute(sql`
      select current_setting('server_version') as version, current_database() as database, current_user as "user"`),
  );
  const { version = '?', database = '?', user = '?' } = about ?? {};
  return target.kind === 'postgres'
    ? {
        kind: 'postgres',
        version,
        server: describeAddresses(parseServerUrl(target.url, ['url']).addresses),
        database,
        user,
      }
    : { kind: 'pglite', version, directory: target.directory };
}

async function countRows(db: Db, isCurrent: boolean): Promise<Counts> {
  if (!(await hasVectorsTable(db))) return notCounted;
  if (isCurrent) {
    const { pages, pending, orphans } = await ledgerStatus(db);
    return { pages, pendingPages: pending.pages, orphans: orphans.rows };
  }
  const [found] = rowsOf<{ pages: number }>(
    await db.execute(sql`select count(*)::integer as pages from vectors`),
  );
  return { pages: found?.pages ?? null, pendingPages: null, orphans: null };
}
