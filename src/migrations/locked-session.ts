import { sql } from 'drizzle-orm';
import type { MigrationConfig } from 'drizzle-orm/migrator';
import { parseDatabaseUrl } from '../connect/database-url.ts';
import type { ConnectOptions } from '../connect/open-database.ts';
import { openPGlite } from '../connect/pglite.ts';
import { openPostgres } from '../connect/postgres.ts';
import { requireSsl } from '../connect/tls.ts';
import type { Db } from '../db.ts';
import { withLedgerErrors } from '../driver-errors.ts';
import type { InputPath } from '../errors.ts';
import { requireInteger } from '../require.ts';
import { migrationsFolder, migrationsTable } from './files.ts';
import { WarningCollector } from './warnings.ts';

/** The options that `migrate` and `rollback` share. */
export interface MigrationOptions extends ConnectOptions {
  /** The database, as for `openDatabase`. {@defaultValue DATABASE_URL, else `.pglite`} */
  url?: string | undefined;
  /**
   * How long to wait for a table that another session uses, in milliseconds. New queries on that table wait too.
   * PGlite ignores it. {@defaultValue the connection's own `lock_timeout`, else 5000}
   */
  lockTimeoutMs?: number | undefined;
}

/** The session that has the migration lock, so that no other session changes the schema. */
export interface LockedSession {
  db: Db;
  /** Applies the pending migrations with Drizzle's migrator. */
  applyPending(): Promise<void>;
  /** The warnings that the migrations' SQL has raised so far. */
  warnings: readonly string[];
}

type Work<Result> = (session: LockedSession) => Promise<Result>;

const urlPath: InputPath = ['options', 'url'];

/**
 * Runs `work` in its own session while every other caller, in this process or another, waits.
 *
 * @throws {InvalidInputError} The URL or `lockTimeoutMs` is not valid.
 * @throws {DatabaseUnavailableError} The database cannot be reached.
 */
export async function withLockedSession<Result>(
  { url, ssl, lockTimeoutMs }: MigrationOptions,
  work: Work<Result>,
): Promise<Result> {
  const target = parseDatabaseUrl(url, urlPath);
  if (lockTimeoutMs !== undefined) {
    requireInteger(lockTimeoutMs, ['options', 'lockTimeoutMs'], { min: 1 });
  }
  requireSsl(ssl, ['options', 'ssl']);
  return withLedgerErrors(() =>
    target.kind === 'postgres'
      ? onServer(target.url, ssl, lockTimeoutMs, work)
      : onPGlite(target.directory, work),
  );
}

async function onServer<Result>(
  url: string,
  ssl: MigrationOptions['ssl'],
  lockTimeoutMs: number | undefined,
  work: Work<Result>,
): Promise<Result> {
  const { migrate } = await import('drizzle-orm/postgres-js/migrator');
  const { warnings, onNotice } = new WarningCollector();
  // One connection, because the lock belongs to the session and the migrations must run in the same one.
  const { db, close } = await openPostgres(url, urlPath, { ssl, max: 1, onnotice: onNotice });
  try {
    await takeMigrationLock(db);
    if (lockTimeoutMs !== undefined) {
      await db.execute(sql`set lock_timeout = ${sql.raw(String(lockTimeoutMs))}`);
    }
    return await work({ db, applyPending: () => migrate(db, migratorConfig()), warnings });
  } finally {
    // Ending the session also releases the lock.
    await close();
  }
}

/** The key of the advisory lock: an arbitrary number that other software is unlikely to use. */
const migrationLockKey = sql.raw('4857043921337');

/** Waits for the lock without a time limit, because another process may need minutes for its migrations. */
async function takeMigrationLock(db: Db): Promise<void> {
  await db.execute(sql`set lock_timeout = 0`);
  await db.execute(sql`set statement_timeout = 0`);
  await db.execute(sql`select pg_advisory_lock(${migrationLockKey})`);
  await db.execute(sql`reset statement_timeout`);
  await db.execute(sql`reset lock_timeout`);
}

/** Settles when the most recent PGlite session of this process has ended. */
let lastPGliteSession: Promise<unknown> = Promise.resolve();

/** Callers queue: all users of a PGlite share one database session, so an advisory lock would not exclude them. */
async function onPGlite<Result>(directory: string, work: Work<Result>): Promise<Result> {
  const { warnings, onNotice } = new WarningCollector();
  const { db, close } = await openPGlite(directory, onNotice);
  const run = async () => {
    const { migrate } = await import('drizzle-orm/pglite/migrator');
    return work({ db, applyPending: () => migrate(db, migratorConfig()), warnings });
  };
  const result = lastPGliteSession.then(run, run);
  lastPGliteSession = result;
  try {
    return await result;
  } finally {
    await close();
  }
}

/** Where Drizzle's migrator finds the migrations and lists the applied ones. */
function migratorConfig(): MigrationConfig {
  return { migrationsFolder: migrationsFolder(), migrationsTable };
}
