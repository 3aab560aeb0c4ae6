import { appendFileSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import postgres from 'postgres';
import type { TestProject } from 'vitest/node';
import { migrate, openDatabase, partition } from '../../src/index.ts';
import { bundleScripts } from './bundle-scripts.ts';
import { type ClusterTemplates, createClusterTemplates, dropOnNodes } from './citus.ts';
import { databaseUrl } from './database-url.ts';
import { startTestServer } from './server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The server's maintenance database. */
    serverUrl: string;
    /** The name of a migrated database without rows, to clone; nobody connects to it. */
    templateDatabase: string;
    /** The same with partitions, whose ranges begin at documents that the tests use. */
    partitionedTemplate: string;
    /** The directory of a migrated PGlite without rows, to copy. */
    migratedPGlite: string;
    /** A Citus cluster: its coordinator, and the databases to clone. Null without TEST_CITUS_URL. */
    cluster: { url: string; templates: ClusterTemplates } | null;
    /** The folder of the bundled scripts. */
    bundles: string;
    /** The directory of a PGlite that has not been migrated, to copy. */
    emptyPGlite: string;
  }
}

/** Creates the databases that the test files clone, once per run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'colpali-vectors-'));
  const emptyPGlite = join(folder, 'empty');
  const migratedPGlite = join(folder, 'migrated');
  const [bundles, server] = await Promise.all([
    bundleScripts(),
    startTestServer(),
    createPGliteTemplates(emptyPGlite, migratedPGlite),
  ]);
  const templateDatabase = `colpali_vectors_template_${process.pid}`;

  const sql = postgres(server.url, { max: 1, onnotice: () => {} });
  const [{ version } = { version: '?' }] = await sql<{ version: string }[]>`
    select current_setting('server_version') as version`;
  console.log(`Database tests run on PGlite and on PostgreSQL ${version} (${server.name})`);

  await sql.unsafe(`create database ${templateDatabase}`);
  await migrate({ url: databaseUrl(server.url, templateDatabase) });
  const partitionedTemplate = `${templateDatabase}_partitioned`;
  await sql.unsafe(`create database ${partitionedTemplate} template ${templateDatabase}`);
  await partitionDatabase(databaseUrl(server.url, partitionedTemplate));
  project.provide('bundles', bundles.folder);
  project.provide('partitionedTemplate', partitionedTemplate);
  project.provide('serverUrl', server.url);
  project.provide('templateDatabase', templateDatabase);
  project.provide('migratedPGlite', migratedPGlite);
  project.provide('emptyPGlite', emptyPGlite);
  const clusterUrl = process.env['TEST_CITUS_URL'];
  const templates = {
    migrated: `${templateDatabase}_migrated`,
    distributed: `${templateDatabase}_distributed`,
  };
  const cluster = clusterUrl ? { url: clusterUrl, templates } : null;
  if (cluster !== null) await createClusterTemplates(cluster.url, templates);
  project.provide('cluster', cluster);

  return async () => {
    bundles.remove();
    if (cluster !== null) {
      for (const name of Object.values(templates)) await dropOnNodes(cluster.url, name);
    }
    await sql.unsafe(`drop database ${templateDatabase}`);
    await sql.unsafe(`drop database ${partitionedTemplate}`);
    await sql.end();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}

async function partitionDatabase(url: string): Promise<void> {
  const { db, close } = await openDatabase(url);
  // In two calls, so that the last range of the first is split.
  await partition(db, { at: [2, 3, 5] });
  await partition(db, { at: [8, 20, 1000] });
  await close();
}

async function createPGliteTemplates(empty: string, migrated: string): Promise<void> {
  await (await PGlite.create(empty)).close();
  // At each start, PGlite initializes all of its buffers. With the default of 128 MB, that is most of the time.
  appendFileSync(join(empty, 'postgresql.conf'), 'shared_buffers = 4MB\n');
  cpSync(empty, migrated, { recursive: true });
  await migrate({ url: migrated });
}
