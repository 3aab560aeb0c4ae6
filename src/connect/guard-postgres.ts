import type { Sql } from 'postgres';
import { removeHolesFromResults } from './postgres-queries.ts';
import { stopTransactionsOnLostConnection } from './postgres-transactions.ts';

/**
 * Changes a postgres.js client so that two faults of postgres.js 3.4 do not reach Drizzle. `openDatabase` does it for
 * its own client; call it for yours, once and before you pass it to `drizzle`.
 *
 * - After a statement that failed in the middle of its rows, results on that connection keep all their rows.
 * - If a connection is lost inside a transaction, nothing more is sent in it, and the transaction rejects. Without
 *   this, the process can end with an uncaught error, or the statement can run in another transaction.
 *
 * It covers what Drizzle uses: `unsafe`, `begin`, `savepoint`. Statements that you write as tagged templates of the
 * client itself are as before.
 *
 * @returns The same client.
 *
 * @example
 * ```ts
 * import { guardPostgres } from 'colpali-vectors';
 * import { drizzle } from 'drizzle-orm/postgres-js';
 * import postgres from 'postgres';
 *
 * const db = drizzle({ client: guardPostgres(postgres('postgres://app@localhost/app')) });
 * ```
 */
// biome-ignore lint/suspicious/noExplicitAny: a client may have any custom types.
export function guardPostgres<Client extends Sql<any>>(client: Client): Client {
  if (guarded.has(client)) return client;
  guarded.add(client);
  removeHolesFromResults(client);
  stopTransactionsOnLostConnection(client, removeHolesFromResults);
  return client;
}

const guarded = new WeakSet<object>();
