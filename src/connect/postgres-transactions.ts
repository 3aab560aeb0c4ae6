import type { Sql, TransactionSql } from 'postgres';

type Work = (sql: TransactionSql) => unknown;

/** The common shape of `begin` and `savepoint`: optional options or a name, then the work. */
type Scope = (...args: unknown[]) => Promise<unknown>;

/** The connection of a transaction. */
interface Connection {
  /** The error that ended the connection. */
  lost?: Error;
}

/**
 * Makes a transaction stop when it loses its connection.
 *
 * In postgres.js 3.4 such a transaction keeps sending statements, at least its own rollback. That either ends the
 * process with an uncaught TypeError (porsager/postgres#1208), or the statement runs on the replacement connection,
 * inside somebody else's transaction (porsager/postgres#1216).
 */
export function stopTransactionsOnLostConnection(client: Sql): void {
  const begin = client.begin as unknown as Scope;
  const guardedBegin: Scope = (...args) => {
    const connection: Connection = {};
    const transaction = runGuarded(begin, args, connection);
    transaction.catch((error: Error) => {
      connection.lost = error;
    });
    return transaction;
  };
  client.begin = guardedBegin as unknown as Sql['begin'];
}

/**
 * Runs the work of a transaction or savepoint. Once the connection is lost, the work sends nothing and never settles:
 * postgres.js has already rejected the transaction, and would send a commit or rollback if the work settled.
 */
function runGuarded(scope: Scope, args: unknown[], connection: Connection): Promise<unknown> {
  const work = args.at(-1) as Work;
  return scope(...args.slice(0, -1), async (sql: TransactionSql) => {
    guardStatements(sql, connection);
    try {
      const result = await work(sql);
      return connection.lost === undefined ? result : never();
    } catch (error) {
      if (connection.lost !== undefined || endsConnection(error)) return never();
      throw error;
    }
  });
}

function guardStatements(sql: TransactionSql, connection: Connection): void {
  const { unsafe, savepoint } = sql;
  sql.unsafe = ((...statement: Parameters<typeof unsafe>) => {
    if (connection.lost !== undefined) throw connection.lost;
    return unsafe(...statement);
  }) as typeof unsafe;
  sql.savepoint = ((...args: unknown[]) =>
    runGuarded(savepoint as unknown as Scope, args, connection)) as typeof savepoint;
}

/** Tells whether the server or the network closes the connection with this error. */
function endsConnection(error: unknown): boolean {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const { severity, code } = Object(cause);
  return (
    severity === 'FATAL' ||
    severity === 'PANIC' ||
    /^(CONNECTION_|CONNECT_TIMEOUT$|ECONN|EPIPE$|ETIMEDOUT$)/.test(String(code))
  );
}

/** A promise that never settles. It is garbage-collected together with its waiters. */
function never(): Promise<never> {
  return new Promise(() => {});
}
