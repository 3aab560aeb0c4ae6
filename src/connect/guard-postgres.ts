import type { Sql } from 'postgres';
import { removeHolesFromResults } from './postgres-queries.ts';
import { stopTransactionsOnLostConnection } from './postgres-transactions.ts';

/**
 * Changes a postgres.js client so that two faults of postgres.js 3.4 do not reach Drizzle. `openDatabase` does this for
 * its own client. If you create the client, call this once, before you pass the client to `drizzle`.
 *
 * - If a statement fails after it returned some rows, postgres.js begins its next result on that connection with empty
 *   array elements. They are removed.
 * - If a transaction loses its connection, postgres.js still sends its statements. The process can end with an uncaught
 *   error, or a statement can run in another transaction. With this function, the transaction rejects and sends nothing
 *   more.
 *
 * It changes the functions that Drizzle uses: `unsafe`, `begin` and `savepoint`. It does not change statements that you
 * write as tagged templates of the client.
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
