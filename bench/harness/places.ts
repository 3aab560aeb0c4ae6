import { randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import postgres from 'postgres';
import { databaseUrl } from '../../test/support/database-url.ts';
import { startEmbeddedServer } from '../../test/support/embedded-server.ts';
import { openSqlClient } from '../contenders/sql-client.ts';

/** Where databases can be made: a PostgreSQL server, or PGlite inside this process. */
export interface Place {
  kind: 'server' | 'pglite';
  /** An empty database. */
  create(): Promise<BenchDatabase>;
}

export interface BenchDatabase {
  url: string;
  drop(): Promise<void>;
}

/** A server that the benchmark may make databases on, and how to be done with it. */
export interface BenchServer {
  url: string;
  stop(): Promise<void>;
}

/** The server that BENCH_DATABASE_URL names, else one from npm's binaries. */
export async function startBenchServer(): Promise<BenchServer> {
  const given = process.env['BENCH_DATABASE_URL'];
  return given ? { url: given, stop: async () => {} } : startEmbeddedServer();
}

export function onServer(serverUrl: string): Place {
  const administer = async (statement: string) => {
    const sql = postgres(serverUrl, { max: 1, onnotice: () => {} });
    await sql.unsafe(statement);
    await sql.end();
  };
  return {
    kind: 'server',
    async create() {
      const name = `colpali_vectors_bench_${randomBytes(6).toString('hex')}`;
      await administer(`create database ${name} template template0`);
      return {
        url: databaseUrl(serverUrl, name),
        // Not by force: node-postgres resolves end() while connections are still closing, and an end from
        // the other side would be an error that nobody catches. The server waits for them.
        drop: () => administer(`drop database ${name}`),
      };
    },
  };
}

/** Runs `work` with PGlite as the place; its files are deleted afterwards. */
export async function withPGlite<Result>(work: (place: Place) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'colpali-vectors-bench-'));
  // A new database takes PGlite seconds to make, and a tenth of that to copy.
  const empty = join(folder, 'empty');
  await (await PGlite.create(empty)).close();
  let databases = 0;
  const create = async () => {
    databases += 1;
    const url = join(folder, `database-${databases}`);
    cpSync(empty, url, { recursive: true });
    return { url, drop: async () => rmSync(url, { recursive: true }) };
  };
  try {
    return await work({ kind: 'pglite', create });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs `work` with a client on the database, which is closed afterwards. */
export async function withClient<Result>(
  url: string,
  work: (client: Awaited<ReturnType<typeof openSqlClient>>) => Promise<Result>,
): Promise<Result> {
  const client = await openSqlClient(url);
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}
