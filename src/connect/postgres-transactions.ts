import type { Sql, TransactionSql } from 'postgres';
import { endsConnection } from '../driver-errors.ts';
import { onRejected } from './postgres-queries.ts';

type Work = (sql: TransactionSql) => unknown;

/** The common shape of `begin` and `savepoint`: optional options or a name, then the work. */
type Scope = (...args: unknown[]) => Promise<unknown>;

/** The connection of a transaction. */
interface Connection {
  /** The error that ended the connection. */
  lost?: unknown;
}

/**
 * Makes a transaction stop when it loses its connection.
 *
 * In postgres.js 3.4 such a transaction still sends statements, at least its own rollback. Then either an uncaught
 * TypeError ends the process (porsager/postgres#1208), or the statement runs on the replacement connection, inside
 * another transaction (porsager/postgres#1216).
 *
 * @param guard - Called with the client of each transaction and savepoint.
 */
export function stopTransactionsOnLostConnection(
  client: Sql,
  guard: (sql: TransactionSql) => void,
): void {
  const begin = client.begin as unknown as Scope;
  const guardedBegin: Scope = (...args) => {
    const connection: Connection = {};
    const transaction = runGuarded(begin, args, connection, guard);
    transaction.catch((error: unknown) => {
      connection.lost ??= error;
    });
    return transaction;
  };
  client.begin = guardedBegin as unknown as Sql['begin'];
}

/**
 * Runs the work of a transaction or savepoint. Once the connection is lost, the work sends nothing and never settles:
 * postgres.js has already rejected the transaction, and would send a commit or rollback if the work settled.
 *
 * The connection counts as lost only if a statement of the transaction fails with an error that ends connections. `begin`
 * and `savepoint` are such statements too. An error that the work itself throws does not count, because it may come from
 * elsewhere: ECONNREFUSED, for example, may come from the vector store.
 */
async function runGuarded(
  scope: Scope,
  args: unknown[],
  connection: Connection,
  guard: (sql: TransactionSql) => void,
): Promise<unknown> {
  if (connection.lost !== undefined) throw connection.lost;
  const work = args.at(-1) as Work;
  let thrown: { error: unknown } | undefined;
  try {
    return await scope(...args.slice(0, -1), async (sql: TransactionSql) => {
      guard(sql);
      guardStatements(sql, connection, guard);
      try {
        const result = await work(sql);
        return connection.lost === undefined ? result : never();
      } catch (error) {
        if (connection.lost !== undefined) return never();
        thrown = { error };
        throw error;
      }
    });
  } catch (error) {
    // A failure of postgres.js's own statements: begin, savepoint, rollback, commit.
    if (error !== thrown?.error && endsConnection(error)) connection.lost ??= error;
    throw error;
  }
}

function guardStatements(
  sql: TransactionSql,
  connection: Connection,
  guard: (sql: TransactionSql) => void,
): void {
  const { unsafe, savepoint } = sql;
  sql.unsafe = ((...statement: Parameters<typeof unsafe>) => {
    if (connection.lost !== undefined) throw connection.lost;
    return onRejected(unsafe(...statement), (error) => {
      if (endsConnection(error)) connection.lost ??= error;
    });
  }) as typeof unsafe;
  sql.savepoint = ((...args: unknown[]) =>
    runGuarded(savepoint as unknown as Scope, args, connection, guard)) as typeof savepoint;
}

/** A promise that never settles. It is garbage-collected together with its waiters. */
function never(): Promise<never> {
  return new Promise(() => {});
}
