import { setMaxListeners } from 'node:events';
import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import type { Sql } from 'postgres';
import { type InputPath, InvalidInputError } from '../errors.ts';
import * as schema from '../schema.ts';
import { guardPostgres } from './guard-postgres.ts';
import { connectToFirst, type HostState } from './hosts.ts';
import { describeAddresses, parseServerUrl } from './server-url.ts';
import { readTls, type SslOptions } from './tls.ts';
import { readUrlParameters } from './url-parameters.ts';

/** A Drizzle database on a PostgreSQL server. */
export interface OpenPostgres {
  db: PostgresJsDatabase<typeof schema>;
  close(): Promise<void>;
}

/** How to connect to a server. */
export interface PostgresOptions {
  /** How to use TLS. {@defaultValue as the URL says} */
  ssl?: SslOptions | boolean | undefined;
}

/**
 * Opens a PostgreSQL server with postgres.js, which connects when the first query runs.
 *
 * @param path - Where the caller's arguments contain the URL, for the error.
 * @throws {InvalidInputError} The URL is not valid, or a file that it names cannot be read.
 */
export async function openPostgres(
  url: string,
  path: InputPath,
  { ssl }: PostgresOptions = {},
): Promise<OpenPostgres> {
  const { drizzle } = await import('drizzle-orm/postgres-js');
  const closed = new AbortController();
  // Each attempt to connect adds a listener. There may be any number, so Node must not warn about many.
  setMaxListeners(0, closed.signal);
  const client = guardPostgres(await createClient(url, path, ssl, closed.signal));
  return {
    db: drizzle({ client, schema }),
    close: async () => {
      // postgres.js would wait forever for a query whose connection was lost, so closing has a time limit.
      await client.end({ timeout: 5 });
      closed.abort();
    },
  };
}

async function createClient(
  url: string,
  path: InputPath,
  ssl: SslOptions | boolean | undefined,
  signal: AbortSignal,
): Promise<Sql> {
  const { default: postgres } = await import('postgres');
  const { addresses, user, password, database, parameters } = parseServerUrl(url, path);
  const {
    driver,
    settings,
    connectTimeout,
    targetSession,
    ssl: sslParameters,
  } = readUrlParameters(parameters, path);
  const tls = readTls(sslParameters, ssl, path);

  const open = (socket: () => Promise<unknown>, more: object = {}): Sql => {
    try {
      return postgres({
        onnotice: () => {},
        // For messages only: `socket` makes the connection.
        host: [describeAddresses(addresses)],
        port: [0],
        ...(user === undefined ? {} : { username: user }),
        ...(password === undefined ? {} : { password }),
        ...(database === undefined ? {} : { database }),
        ssl: false,
        connect_timeout: connectTimeout,
        // Dates are read as ISO, also if the role or the database has another style.
        connection: { ...settings, DateStyle: 'ISO' },
        ...driver,
        ...more,
        socket,
      } as object);
    } catch {
      // No `cause`: an error of the driver may contain the password.
      throw new InvalidInputError(path, 'is not valid for the driver postgres.js');
    }
  };
  const inspect = (socket: () => Promise<unknown>) =>
    withClient(open(socket, { max: 1, fetch_types: false }), readHostState);
  return open(() =>
    connectToFirst({ addresses, targetSession, inspect, tls, connectTimeout, signal }),
  );
}

async function withClient<Result>(client: Sql, work: (client: Sql) => Promise<Result>) {
  try {
    return await work(client);
  } finally {
    await client.end({ timeout: 0 });
  }
}

async function readHostState(client: Sql): Promise<HostState> {
  const [state] = await client.unsafe<[HostState]>(
    `select pg_is_in_recovery() as standby, current_setting('transaction_read_only') = 'on' as "readOnly"`,
  );
  return state;
}
