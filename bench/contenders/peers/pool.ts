import { type ParserOptions, PGlite } from '@electric-sql/pglite';
import { Pool, type QueryConfig } from 'pg';

/** A pool of node-postgres for a server; for a directory, PGlite with the methods of a pool that the peers call. */
export function openPool(url: string): Pool {
  return url.startsWith('postgres') ? new Pool({ connectionString: url }) : openPGlitePool(url);
}

type Query = QueryConfig & { rowMode?: 'array' };
type OnConnect = (error: undefined, client: unknown, release: () => void) => void;

/** PGlite has one session, so the pool is its only client too. Some peers require an instance of `Pool`. */
function openPGlitePool(directory: string): Pool {
  const opened = PGlite.create(directory);
  const pool = new Pool();
  const release = () => {};
  return Object.assign(pool, {
    release,
    async connect(onConnect?: OnConnect) {
      await opened;
      onConnect?.(undefined, pool, release);
      return pool;
    },
    async query(query: string | Query, parameters: unknown[] = []) {
      const { text, values, rowMode, types } =
        typeof query === 'string' ? ({ text: query, values: parameters } as Query) : query;
      const client = await opened;
      const options = rowMode && { rowMode, ...(types && { parsers: parsersOf(types) }) };
      // PGlite runs several statements only without parameters.
      const results =
        options || (values ?? []).length > 0
          ? [await client.query(text, values, options)]
          : await client.exec(text);
      const { rows = [], fields = [], affectedRows } = results.at(-1) ?? {};
      const command = /^\s*(\w+)/.exec(text)?.[1]?.toUpperCase();
      return { command, rows, fields, rowCount: affectedRows || rows.length };
    },
    async end(onEnd?: () => void) {
      await (await opened).close();
      onEnd?.();
    },
  }) as unknown as Pool;
}

/** The parsers of node-postgres, by the oid of the type. */
function parsersOf(types: NonNullable<Query['types']>): ParserOptions {
  return new Proxy({}, { get: (_, oid) => types.getTypeParser(Number(oid), 'text') });
}
