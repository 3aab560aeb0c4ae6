/**
 * Runs `npx drizzle-kit migrate` as users run it in CI, on an empty, a legacy and an up-to-date database, each of
 * them embedded and on a server. After each run, `migrate()` must have nothing left to do and find no drift.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { migrate, migrationStatus, openDatabase } from '../../src/index.ts';
import { databaseUrl } from '../support/database-url.ts';
import { projectRoot } from '../support/drizzle-kit.ts';
import { loadLegacyDump } from '../support/legacy.ts';
import { startTestServer } from '../support/server.ts';

const folder = mkdtempSync(join(tmpdir(), 'colpali-vectors-'));
const server = await startTestServer();
try {
  await checkAll('PGlite', async (name) => join(folder, name));
  await checkAll(server.name, createOnServer);
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function checkAll(
  kind: string,
  createDatabase: (name: string) => Promise<string>,
): Promise<void> {
  const empty = await createDatabase('ci_empty');
  await check(`${kind}: an empty database`, empty);
  await check(`${kind}: an up-to-date database`, empty);

  const legacy = await createDatabase('ci_legacy');
  const { db, close } = await openDatabase(legacy);
  await loadLegacyDump(db, 'plain');
  await close();
  await check(`${kind}: a legacy database`, legacy);
}

async function check(what: string, url: string): Promise<void> {
  console.log(`- ${what}`);
  const { status, stdout, stderr } = spawnSync('npx', ['drizzle-kit', 'migrate'], {
    cwd: projectRoot,
    env: { ...process.env, DATABASE_URL: url },
    encoding: 'utf8',
  });
  assert.equal(status, 0, `drizzle-kit migrate failed:\n${stdout}${stderr}`);
  assert.deepEqual(await migrate({ url }), { applied: [], warnings: [] });
  assert.deepEqual((await migrationStatus({ url })).drift, []);
}

async function createOnServer(name: string): Promise<string> {
  const client = postgres(server.url, { max: 1, onnotice: () => {} });
  await client.unsafe(`drop database if exists ${name}`);
  await client.unsafe(`create database ${name}`);
  await client.end();
  return databaseUrl(server.url, name);
}
