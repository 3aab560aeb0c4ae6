import { type SQL, sql } from 'drizzle-orm';
import type { MigrationConfig } from 'drizzle-orm/migrator';
import { parseDatabaseUrl } from '../connect/database-url.ts';
import { listenToNotices, sharePGlite } from '../connect/pglite.ts';
import { closePostgres, connectPostgres } from '../connect/postgres.ts';
import type { Db } from '../db.ts';
import { withLedgerErrors } from '../driver-errors.ts';
import { requireInteger } from '../require.ts';

/** Where and how migrations are applied and undone. */
export interface MigrationOptions {
  /** As for `openDatabase`. {@defaultValue DATABASE_URL, else `.pglite`} */
  url?: string | undefined;
  /**
   * How long to wait for a table that another session uses, in milliseconds; new queries of the table
   * wait behind. {@defaultValue the connection's own `lock_timeout`, else 5000}
   */
  lockTimeoutMs?: number | undefined;
}

/** The one session that may change the schema. */
export interface MigrationSession {
  db: Db;
  /** Drizzle's migrator on this session. */
  apply(config: MigrationConfig): Promise<void>;
  /** What the migrations' SQL has warned of so far. */
  warnings: readonly string[];
}

/** Key of the advisory lock that migrators take; any fixed number that nobody else is likely to use. */
const migrationLock: SQL = sql.raw('4857043921337');

/**
 * Runs `work` in a session of its own, while every other caller, in this process or another, waits.
 *
 * @throws {InvalidInputError} The URL is none, or the timeout.
 * @throws {DatabaseUnavailableError} The database cannot be reached.
 */
export async function inMigrationSession<Result>(
  { url, lockTimeoutMs }: MigrationOptions,
  work: (session: MigrationSession) => Promise<Result>,
): Promise<Result> {
  const target = parseDatabaseUrl(url);
  if (lockTimeoutMs !== undefined) requireInteger(lockTimeoutMs, ['lockTimeoutMs'], { min: 1 });
  return withLedgerErrors(() =>
    target.kind === 'postgres'
      ? onServer(target.url, lockTimeoutMs, work)
      : inPGlite(target.directory, work),
  );
}

async function onServer<Result>(
  url: string,
  lockTimeoutMs: number | undefined,
  work: (session: MigrationSession) => Promise<Result>,
): Promise<Result> {
  const [{ drizzle }, migrator] = await Promise.all([
    import('drizzle-orm/postgres-js'),
    import('drizzle-orm/postgres-js/migrator'),
  ]);
  const notices = new Notices();
  // One connection: the lock and the migrations have to share a session.
  const client = await connectPostgres(url, { max: 1, onnotice: notices.add });
  const db = drizzle({ client });
  try {
    // Others may be migrating for minutes: the role's timeouts are for what is done, not for this wait.
    await db.execute(sql`set lock_timeout = 0`);
    await db.execute(sql`set statement_timeout = 0`);
    // Ending the session gives the lock back.
    await db.execute(sql`select pg_advisory_lock(${migrationLock})`);
    await db.execute(sql`reset statement_timeout`);
    await db.execute(
      lockTimeoutMs === undefined
        ? sql`reset lock_timeout`
        : sql`set lock_timeout = ${sql.raw(String(lockTimeoutMs))}`,
    );
    return await work({
      db,
      apply: (config) => migrator.migrate(db, config),
      warnings: notices.warnings,
    });
  } finally {
    await closePostgres(client);
  }
}

/** The last session on an embedded database that was asked for in this process. */
let lastPGliteSession: Promise<unknown> = Promise.resolve();

async function inPGlite<Result>(
  directory: string,
  work: (session: MigrationSession) => Promise<Result>,
): Promise<Result> {
  const { client, release } = await sharePGlite(directory);
  const run = async () => {
    const [{ drizzle }, migrator] = await Promise.all([
      import('drizzle-orm/pglite'),
      import('drizzle-orm/pglite/migrator'),
    ]);
    const notices = new Notices();
    const db = drizzle({ client: listenToNotices(client, notices.add) });
    return work({
      db,
      apply: (config) => migrator.migrate(db, config),
      warnings: notices.warnings,
    });
  };
  // All users of one PGlite share one session, where an advisory lock keeps nobody out: queue here.
  const result = lastPGliteSession.then(run, run);
  lastPGliteSession = result;
  try {
    return await result;
  } finally {
    await release();
  }
}

/** A notice of postgres.js or of PGlite. */
interface Notice {
  severity?: string | undefined;
  message?: string | undefined;
}

/** Keeps what the migrations warn of; PostgreSQL's own notices (`already exists, skipping`) are no news. */
class Notices {
  readonly warnings: string[] = [];

  readonly add = ({ severity, message }: Notice): void => {
    if (severity === 'WARNING' && message !== undefined) this.warnings.push(message);
  };
}
