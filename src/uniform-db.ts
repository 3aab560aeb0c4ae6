/** Wraps a host's database, so that our results do not depend on its driver, cache or settings. */
import { entityKind, is } from 'drizzle-orm';
import { PgTransaction } from 'drizzle-orm/pg-core';
import type { Db } from './db.ts';
import { endsConnection, toTransactionError } from './driver-errors.ts';
import { InvalidInputError } from './errors.ts';
import { withWatchedConnection } from './watched-connection.ts';

/** The part of Drizzle's session through which every statement goes. It is not part of Drizzle's types. */
interface Session {
  prepareQuery(...args: unknown[]): PreparedQuery;
}

interface PreparedQuery {
  execute(...args: unknown[]): Promise<unknown>;
}

/** The positions of some arguments of `prepareQuery`. */
const positions = { fields: 1, mapper: 4, metadata: 5 };

/** Drizzle's databases whose driver has no transactions. */
const withoutTransactions = ['NeonHttpDatabase', 'PgRemoteDatabase', 'XataHttpDatabase'];

/** The database that each uniform database was made from. */
const hosts = new WeakMap<Db, Db>();

/**
 * Returns the same database or transaction, with these differences for the statements that are sent through it:
 *
 * - Reads skip Drizzle's query cache, which may return pages that were replaced.
 * - Reads go to the primary of `withReplicas`, because a replica may not have the newest pages yet.
 * - Rows are returned without holes. When a statement fails after it returned some rows, the next result on that
 *   connection of postgres.js 3.4 begins with a hole for each of these rows (porsager/postgres#1181).
 * - Columns keep their names, also if postgres.js is set to rename them (`transform: postgres.camel`).
 * - If the driver has no transactions, `transaction` throws an error that says so.
 * - `transaction` throws a `DatabaseUnavailableError` if it gets no connection or loses it, also if the driver's error
 *   has no code. It rejects as soon as the driver tells about the loss, and always gives the connection back to the
 *   pool.
 *
 * @throws {InvalidInputError} `db` is not a Drizzle database for PostgreSQL.
 */
export function uniform(db: Db): Db {
  if (hosts.has(db)) return db;
  const host = primaryOf(db);
  const session = sessionOf(host);
  const copy: Db = Object.create(host, {
    session: { value: uniformSession(session) },
    transaction: {
      value: async (work: (tx: Db) => Promise<unknown>, config?: object) => {
        requireTransactions(host);
        return runTransaction(host, work, config);
      },
    },
  });
  hosts.set(copy, host);
  return copy;
}

/** Runs a transaction. An error that `work` did not throw is the driver's and is mapped. */
async function runTransaction(
  host: Db,
  work: (tx: Db) => Promise<unknown>,
  config?: object,
): Promise<unknown> {
  let thrown: { error: unknown } | undefined;
  const transact = (db: Db) =>
    db.transaction(async (tx) => {
      try {
        return await work(uniform(tx));
      } catch (error) {
        thrown = { error };
        throw error;
      }
    }, config);
  try {
    // The connection of a savepoint is watched by its transaction.
    return await (isTransaction(host) ? transact(host) : withWatchedConnection(host, transact));
  } catch (error) {
    if (error === thrown?.error) throw error;
    // The rollback on the lost connection fails too, with an error that does not say why the connection was lost.
    throw endsConnection(thrown?.error) ? thrown?.error : toTransactionError(error);
  }
}

/** The database that the host gave us, to pass to the host's functions. */
export function hostOf(db: Db): Db {
  return hosts.get(db) ?? db;
}

/** Whether the database is a transaction, of the host or of this package. Only the code that began it can commit it. */
export function isTransaction(db: Db): boolean {
  return is(db, PgTransaction);
}

function primaryOf(db: Db): Db {
  const { $primary = db } = Object(db) as { $primary?: Db };
  return $primary;
}

function sessionOf(db: Db): Session {
  const { session } = Object(db) as { session?: Partial<Session> };
  if (typeof session?.prepareQuery === 'function') return session as Session;
  throw new InvalidInputError(['db'], 'must be a Drizzle database for PostgreSQL or a transaction');
}

function requireTransactions(db: Db): void {
  const kind: unknown = Object(db.constructor)[entityKind];
  if (!withoutTransactions.includes(String(kind))) return;
  throw new InvalidInputError(
    ['db'],
    'has a driver without transactions, but this call needs a transaction: use a driver that keeps a connection',
  );
}

function uniformSession(session: Session): Session {
  const prepareQuery: Session['prepareQuery'] = (...args) => {
    // Without metadata, Drizzle skips its cache. Writes keep their metadata: Drizzle needs it to clear cached reads.
    const metadata = args[positions.metadata] as { type?: string } | undefined;
    if (metadata?.type === 'select') args.splice(positions.metadata);
    // Drizzle maps the rows of its own query builder by position and names the fields itself.
    const isRaw = args[positions.fields] === undefined && args[positions.mapper] === undefined;
    const query = session.prepareQuery(...args);
    const execute = query.execute.bind(query);
    query.execute = async (...values) => uniformResult(await execute(...values), isRaw);
    return query;
  };
  return new Proxy(session, {
    get: (target, name, receiver) =>
      name === 'prepareQuery' ? prepareQuery : Reflect.get(target, name, receiver),
  });
}

/** Removes holes from the rows of a result and restores the names of its columns. */
function uniformResult(result: unknown, isRaw: boolean): unknown {
  const rows: unknown = Array.isArray(result) ? result : Object(result).rows;
  if (!Array.isArray(rows)) return result;
  // `filter` leaves out holes.
  const dense = rows.filter(() => true);
  const named = isRaw && hasRenamedColumns(dense[0]) ? dense.map(withOriginalNames) : dense;
  return Array.isArray(result) ? named : { rows: named };
}

/** Our own statements name all their columns in snake case. */
function hasRenamedColumns(row: object | undefined): boolean {
  return row !== undefined && Object.keys(row).some((name) => /[A-Z-]/.test(name));
}

function withOriginalNames(row: object): object {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [toSnakeCase(name), value] as const),
  );
}

function toSnakeCase(name: string): string {
  return name
    .replaceAll('-', '_')
    .replaceAll(/(?<=.)[A-Z]/g, (letter) => `_${letter}`)
    .toLowerCase();
}
