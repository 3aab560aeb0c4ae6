import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import type { Options, Sql } from 'postgres';
import { type InputPath, InvalidInputError } from '../errors.ts';
import * as schema from '../schema.ts';
import { stopTransactionsOnLostConnection } from './postgres-transactions.ts';

/** A Drizzle database on a PostgreSQL server. */
export interface OpenPostgres {
  db: PostgresJsDatabase<typeof schema>;
  close(): Promise<void>;
}

/**
 * Opens a PostgreSQL server with postgres.js, which connects when the first query runs.
 *
 * @param path - Where the caller's arguments contain the URL, for the error.
 * @throws {InvalidInputError} The URL is not valid.
 */
export async function openPostgres(
  url: string,
  path: InputPath,
  options: Options<Record<string, never>> = {},
): Promise<OpenPostgres> {
  const { drizzle } = await import('drizzle-orm/postgres-js');
  const client = await createClient(url, path, options);
  stopTransactionsOnLostConnection(client);
  return {
    db: drizzle({ client, schema }),
    // postgres.js would wait forever for a query whose connection was lost, so closing has a time limit.
    close: () => client.end({ timeout: 5 }),
  };
}

async function createClient(
  url: string,
  path: InputPath,
  options: Options<Record<string, never>>,
): Promise<Sql> {
  const { default: postgres } = await import('postgres');
  const poolSize = readPoolSize(url, path);
  try {
    return postgres(url, { onnotice: () => {}, ...poolSize, ...options });
  } catch {
    // No `cause`: Node's error contains the URL and its password.
    throw new InvalidInputError(
      path,
      'is not a valid URL; characters such as # and % in the password must be percent-encoded',
    );
  }
}

/** Reads `max` from the URL as a number: postgres.js 3.4 keeps it as text and then opens only one connection. */
function readPoolSize(url: string, path: InputPath): { max?: number } {
  const max = /[?&]max=([^&#]*)/.exec(url)?.[1];
  if (max === undefined) return {};
  if (!/^[1-9]\d{0,5}$/.test(max)) {
    throw new InvalidInputError(
      path,
      'the parameter max (number of connections) must be an integer from 1 to 999999',
    );
  }
  return { max: Number(max) };
}
