import type { Options, Sql, TransactionSql } from 'postgres';
import { InvalidInputError } from '../errors.ts';

/**
 * A postgres.js client whose transactions end with their connection.
 *
 * In postgres.js 3.4 a transaction whose connection is lost goes on sending: its next statement, or the
 * rollback that postgres.js sends itself, either ends the process with an uncaught TypeError
 * (porsager/postgres#1208) or runs on the connection that takes the lost one's place, inside somebody
 * else's transaction (porsager/postgres#1216).
 *
 * @throws {InvalidInputError} The URL cannot be read.
 */
export async function connectPostgres(
  url: string,
  options: Options<Record<string, never>> = {},
): Promise<Sql> {
  const { default: postgres } = await import('postgres');
  const poolSize = poolSizeOf(url);
  let client: Sql;
  try {
    client = postgres(url, { onnotice: () => {}, ...poolSize, ...options });
  } catch {
    // Without a cause: Node's error repeats the URL, password and all.
    throw new InvalidInputError(
      ['url'],
      'cannot be read; characters such as # and % in the password must be percent-encoded',
    );
  }
  client.begin = endWithConnection(client.begin);
  return client;
}

/**
 * How many connections the URL asks for with `max`, as a number: postgres.js 3.4 keeps it as text, and then
 * opens one.
 *
 * @throws {InvalidInputError} It is no positive integer.
 */
function poolSizeOf(url: string): { max?: number } {
  const max = /[?&]max=([^&#]*)/.exec(url)?.[1];
  if (max === undefined) return {};
  if (!/^[1-9]\d{0,5}$/.test(max)) {
    throw new InvalidInputError(
      ['url'],
      'its max, the number of connections, must be a positive integer',
    );
  }
  return { max: Number(max) };
}

/**
 * Ends the client's connections after its queries, or after five seconds: for a query whose connection
 * was lost postgres.js would wait for ever.
 */
export function closePostgres(client: Sql): Promise<void> {
  return client.end({ timeout: 5 });
}

type Work = (sql: TransactionSql) => unknown;

/** `begin` and a transaction's `savepoint`: options or a name, which may be left out, and the work. */
type Scope = (...args: unknown[]) => Promise<unknown>;

/** A transaction's connection; `lost` is why it is gone. */
interface Connection {
  lost?: Error;
}

/**
 * `begin`, with work that sends nothing and does not settle once the connection is lost. postgres.js has
 * rejected the transaction by then; if the work settled, it would send the rollback or commit.
 */
function endWithConnection(begin: Sql['begin']): Sql['begin'] {
  const guarded: Scope = (...args) => {
    const connection: Connection = {};
    const transaction = guardedScope(begin as unknown as Scope, args, connection);
    transaction.catch((error: Error) => {
      connection.lost = error;
    });
    return transaction;
  };
  return guarded as unknown as Sql['begin'];
}

function guardedScope(scope: Scope, args: unknown[], connection: Connection): Promise<unknown> {
  const work = args.at(-1) as Work;
  return scope(...args.slice(0, -1), async (sql: TransactionSql) => {
    const { unsafe, savepoint } = sql;
    sql.unsafe = ((...statement: Parameters<typeof unsafe>) => {
      if (connection.lost !== undefined) throw connection.lost;
      return unsafe(...statement);
    }) as typeof unsafe;
    sql.savepoint = ((...inner: unknown[]) =>
      guardedScope(savepoint as unknown as Scope, inner, connection)) as typeof savepoint;
    try {
      const result = await work(sql);
      return connection.lost === undefined ? result : never();
    } catch (error) {
      if (connection.lost !== undefined || endsConnection(error)) return never();
      throw error;
    }
  });
}

/** Whether the server or the network closes the connection with this error. */
function endsConnection(error: unknown): boolean {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const { severity, code } = Object(cause);
  return (
    severity === 'FATAL' ||
    severity === 'PANIC' ||
    /^(CONNECTION_|CONNECT_TIMEOUT$|ECONN|EPIPE$|ETIMEDOUT$)/.test(String(code))
  );
}

/** A promise that stays open; what waits for it is collected with it. */
function never(): Promise<never> {
  return new Promise(() => {});
}
