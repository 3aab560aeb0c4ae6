/**
 * Checks the package as users get it: packs it, installs it into empty projects, runs the snippets of the docs, and
 * builds and runs the services of test/consumers/. `npm run test:package`; installs packages from the npm registry.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import postgres from 'postgres';
import { databaseUrl } from '../support/database-url.ts';
import { projectRoot } from '../support/drizzle-kit.ts';
import { startTestServer } from '../support/server.ts';
import { checkConsumers } from './consumers.ts';
import { Project, run, step } from './project.ts';
import { checkSnippets } from './snippets.ts';

const packed = new Project();
const server = await startTestServer();
const sql = postgres(server.url, { max: 1 });
let databases = 0;

try {
  step('The package is well formed');
  run(projectRoot, ['npm', 'pack', '--pack-destination', packed.folder]);
  const file = readdirSync(packed.folder).find((name) => name.endsWith('.tgz'));
  assert(file !== undefined, 'npm pack wrote no tarball');
  const tarball = join(packed.folder, file);
  run(projectRoot, ['npx', 'publint', '--strict', tarball]);
  run(projectRoot, ['npx', 'attw', tarball, '--quiet']);

  step('Source maps lead to sources that the package contains');
  checkSourceMaps(tarball);

  checkSnippets(tarball);
  await checkConsumers(tarball, newDatabase);
  step('The package works');
} finally {
  await sql.end();
  await server.stop();
  packed.remove();
}

function checkSourceMaps(tarball: string): void {
  const packedFiles = run(projectRoot, ['tar', '-tzf', tarball]).split('\n');
  const maps = packedFiles.filter((name) => name.endsWith('.map'));
  assert(maps.length > 400, `only ${maps.length} source maps were packed`);
  for (const map of maps) {
    const path = join(projectRoot, map.replace(/^package\//, ''));
    const { sources } = JSON.parse(readFileSync(path, 'utf8'));
    for (const source of sources) {
      const target = relative(projectRoot, resolve(dirname(path), source));
      assert(packedFiles.includes(`package/${target}`), `${map}: ${target} is not packed`);
    }
  }
}

async function newDatabase(): Promise<string> {
  databases += 1;
  const name = `colpali_package_${process.pid}_${databases}`;
  await sql.unsafe(`create database ${name}`);
  return databaseUrl(server.url, name);
}
