import { type SQL, sql } from 'drizzle-orm';
import { DrizzleQueryError } from 'drizzle-orm/errors';
import { type MigrationConfig, readMigrationFiles } from 'drizzle-orm/migrator';
import { type Db, rowsOf } from './database.ts';
import { parseDatabaseUrl } from './database-url.ts';
import { MigrationError, toMigrationError, withLedgerErrors } from './errors.ts';
import { listMigrations, migrationsFolder, migrationsTable } from './migrations.ts';
import { sharePGlite } from './pglite.ts';
import { closePostgres, connectPostgres } from './postgres-client.ts';

/** What `migrate` did. */
export interface MigrateResult {
  /** Tags of the migrations that this call applied, oldest first; empty when there was nothing to do. */
  applied: string[];
}

/** Key of the advisory lock that migrators take; any fixed number that nobody else is likely to use. */
const migrationLock: SQL = sql.raw('4857043921337');

/**
 * Applies the migrations that the database does not have yet, all or none of them.
 *
 * Any number of processes may call it at once on a server: one migrates, the others wait and find
 * nothing to do. `npx drizzle-kit migrate` applies the same files and lists them in the same table,
 * but does not wait for others.
 *
 * It opens a connection of its own and closes it. On a server that must be a direct one: the lock is
 * the session's, and a pooler in transaction mode (PgBouncer) gives every transaction another session.
 *
 * @param options.url - As for `openDatabase`. {@defaultValue DATABASE_URL, else `.pglite`}
 * @throws {InvalidInputError} The URL is none.
 * @throws {MigrationError} A migration failed; the error names it, and nothing has changed.
 * @throws {DatabaseUnavailableError} The database cannot be reached.
 */
export async function migrate({ url }: { url?: string | undefined } = {}): Promise<MigrateResult> {
  const target = parseDatabaseUrl(url);
  return withLedgerErrors(() =>
    target.kind === 'postgres' ? migrateServer(target.url) : migratePGlite(target.directory),
  );
}

async function migrateServer(url: string): Promise<MigrateResult> {
  const [{ drizzle }, migrator] = await Promise.all([
    import('drizzle-orm/postgres-js'),
    import('drizzle-orm/postgres-js/migrator'),
  ]);
  // One connection: the lock and the migrations have to share a session.
  const client = await connectPostgres(url, { max: 1 });
  const db = drizzle({ client });
  try {
    // Ending the session gives the lock back.
    await db.execute(sql`select pg_advisory_lock(${migrationLock})`);
    return await applyPending(db, (config) => migrator.migrate(db, config));
  } finally {
    await closePostgres(client);
  }
}

/** The last migration of an embedded database that was asked for in this process. */
let lastPGliteMigration: Promise<unknown> = Promise.resolve();

async function migratePGlite(directory: string): Promise<MigrateResult> {
  const { client, release } = await sharePGlite(directory);
  const work = async () => {
    const [{ drizzle }, migrator] = await Promise.all([
      import('drizzle-orm/pglite'),
      import('drizzle-orm/pglite/migrator'),
    ]);
    const db = drizzle({ client });
    return applyPending(db, (config) => migrator.migrate(db, config));
  };
  // All users of one PGlite share one session, where an advisory lock keeps nobody out: queue here.
  const result = lastPGliteMigration.then(work, work);
  lastPGliteMigration = result;
  try {
    return await result;
  } finally {
    await release();
  }
}

async function applyPending(
  db: Db,
  run: (config: MigrationConfig) => Promise<void>,
): Promise<MigrateResult> {
  const config = { migrationsFolder: migrationsFolder(), migrationsTable };
  const before = await lastAppliedAt(db);
  const pending = listMigrations().filter(({ when }) => when > before);
  if (pending.length === 0) {
    // Drizzle's migrator would want the right to create schemas all the same.
    await requireTables(db);
    return { applied: [] };
  }
  try {
    await run(config);
  } catch (error) {
    throw toMigrationError(error, failedMigration(error, config));
  }
  return { applied: pending.map(({ tag }) => tag) };
}

/** `when` of the newest migration that the database lists; 0 where it lists none. */
async function lastAppliedAt(db: Db): Promise<number> {
  const table = sql`drizzle.${sql.identifier(migrationsTable)}`;
  const [found] = rowsOf<{ exists: boolean }>(
    await db.execute(
      sql`select to_regclass(${`drizzle.${migrationsTable}`}) is not null as "exists"`,
    ),
  );
  if (!found?.exists) return 0;
  const [row] = rowsOf<{ last: string | number }>(
    await db.execute(sql`select coalesce(max(created_at), 0) as last from ${table}`),
  );
  return Number(row?.last);
}

/** @throws {MigrationError} The migrations have been applied, but to another schema. */
async function requireTables(db: Db): Promise<void> {
  const [found] = rowsOf<{ exists: boolean }>(
    await db.execute(sql`select to_regclass('vectors') is not null as "exists"`),
  );
  if (found?.exists) return;
  throw new MigrationError(
    'The migrations have been applied to this database, but vectors is not in the search_path: ' +
      'a database holds one ledger, in the schema that came first in the search_path',
  );
}

/** The tag of the migration that holds the statement which failed. */
function failedMigration(error: unknown, config: MigrationConfig): string | undefined {
  if (!(error instanceof DrizzleQueryError)) return undefined;
  const file = readMigrationFiles(config).find((migration) => migration.sql.includes(error.query));
  return listMigrations().find(({ when }) => when === file?.folderMillis)?.tag;
}
