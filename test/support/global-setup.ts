import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
    /** The name of a migrated database without rows, to clone; nobody connects to it. */
    templateDatabase: string;
    /** The dump of a migrated PGlite without rows, to load. */
    templateFile: string;
    /** The directory of a PGlite that has not been migrated, to copy. */
    emptyPGlite: string;
  }
}

/** Creates the databases that the test files clone, once per run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'colpali-vectors-'));
  const templateFile = join(folder, 'template.tar');
  const emptyPGlite = join(folder, 'empty');
  await writePGliteTemplates(emptyPGlite, templateFile);

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
  project.provide('emptyPGlite', emptyPGlite);

  return async () => {
    await sql.unsafe(`drop database ${templateDatabase}`);
    await sql.end();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}

async function writePGliteTemplates(empty: string, migratedFile: string): Promise<void> {
  await (await PGlite.create(empty)).close();
  const migrated = `${empty}-migrated`;
  cpSync(empty, migrated, { recursive: true });
  await migrate({ url: migrated });
  const client = await PGlite.create(migrated);
  const dump = await client.dumpDataDir('none');
  writeFileSync(migratedFile, Buffer.from(await dump.arrayBuffer()));
  await client.close();
}
