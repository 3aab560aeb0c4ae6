import { PGlite } from '@electric-sql/pglite';
import postgres from 'postgres';

/** A driver without a library on top: postgres.js for a server, PGlite for a directory. */
export interface SqlClient {
  /** Runs a statement with parameters `$1`, `$2`; postgres.js prepares it. */
  query<Row>(text: string, parameters?: unknown[]): Promise<Row[]>;
  /** Runs statements without parameters. */
  run(text: string): Promise<void>;
  close(): Promise<void>;
}

export async function openSqlClient(url: string): Promise<SqlClient> {
  return url.startsWith('postgres') ? openPostgres(url) : openPGlite(url);
}

function openPostgres(url: string): SqlClient {
  const client = postgres(url, { onnotice: () => {} });
  return {
    async query<Row>(text: string, parameters: unknown[] = []) {
      const rows = await client.unsafe(text, parameters as never[], { prepare: true });
      return rows as unknown as Row[];
    },
    async run(text) {
      await client.unsafe(text);
    },
    close: () => client.end(),
  };
}

async function openPGlite(directory: string): Promise<SqlClient> {
  const client = await PGlite.create(directory);
  return {
    async query<Row>(text: string, parameters: unknown[] = []) {
      return (await client.query<Row>(text, parameters)).rows;
    },
    async run(text) {
      await client.exec(text);
    },
    close: () => client.close(),
  };
}
