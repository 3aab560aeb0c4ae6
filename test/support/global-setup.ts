import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import postgres from 'postgres';
import type { TestProject } from 'vitest/node';
import { migrate } from '../../src/index.ts';
import { databaseUrl } from './database-url.ts';
import { startTestServer } from './server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The server's maintenance database. */
    serverUrl: string;
    /** A migrated database without rows and without connections, to clone. */
    templateDatabase: string;
    /** A migrated PGlite without rows, as a file to load. */
    templateFile: string;
  }
}

/** A migrated database on a server and one in PGlite, made once a run; each test file clones one. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'colpali-vectors-'));
  const templateFile = join(folder, 'template.tar');
  await writePGliteTemplate(join(folder, 'pglite'), templateFile);

  const server = await startTestServer();
  const templateDatabase = `colpali_vectors_template_${process.pid}`;

  const sql = postgres(server.url, { max: 1, onnotice: () => {} });
  const [{ version } = { version: '?' }] = await sql<{ version: string }[]>`
    select current_setting('server_version') as version`;
  console.log(`Database tests run on PGlite and on PostgreSQL ${version} (${server.name})`);

  await sql.unsafe(`create database ${templateDatabase}`);
  await migrate({ url: databaseUrl(server.url, templateDatabase) });
  project.provide('serverUrl', server.url);
  project.provide('templateDatabase', templateDatabase);
  project.provide('templateFile', templateFile);

  return async () => {
    await sql.unsafe(`drop database ${templateDatabase}`);
    await sql.end();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}

async function writePGliteTemplate(directory: string, file: string): Promise<void> {
  await migrate({ url: directory });
  const client = await PGlite.create(directory);
  const dump = await client.dumpDataDir('none');
  writeFileSync(file, Buffer.from(await dump.arrayBuffer()));
  await client.close();
}
