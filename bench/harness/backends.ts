import { randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import postgres from 'postgres';
import { databaseUrl } from '../../test/support/database-url.ts';
import { startEmbeddedServer } from '../../test/support/embedded-server.ts';
import { openSqlClient, type SqlClient } from '../contenders/sql-client.ts';

/** Creates databases: on a PostgreSQL server, or in PGlite inside this process. */
export interface Backend {
  kind: 'server' | 'pglite';
  /** Creates an empty database. */
  create(): Promise<BenchDatabase>;
}

export interface BenchDatabase {
  url: string;
  drop(): Promise<void>;
}

export interface BenchServer {
  url: string;
  stop(): Promise<void>;
}

/** Uses the server at BENCH_DATABASE_URL if set; otherwise, and if asked to, starts the embedded server. */
export async function startBenchServer(which: 'server' | 'embedded'): Promise<BenchServer> {
  const given = which === 'server' ? process.env['BENCH_DATABASE_URL'] : undefined;
  return given ? { url: given, stop: async () => {} } : startEmbeddedServer();
}

export function onServer(serverUrl: string): Backend {
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
        // Without `force`: node-postgres resolves end() before its connections have closed, and if the
        // server closed them, it would emit an error that nothing catches. The server waits instead.
        drop: () => administer(`drop database ${name}`),
      };
    },
  };
}

/** Runs `work` with PGlite, then deletes its files. */
export async function withPGlite<Result>(
  work: (backend: Backend) => Promise<Result>,
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'colpali-vectors-bench-'));
  // PGlite needs seconds to create a database, and a tenth of that to copy one.
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

/** Runs `work` with a client connected to the database, then closes the client. */
export async function withClient<Result>(
  url: string,
  work: (client: SqlClient) => Promise<Result>,
): Promise<Result> {
  const client = await openSqlClient(url);
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}
