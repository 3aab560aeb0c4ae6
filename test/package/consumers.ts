import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { Project, peer, step } from './project.ts';

/** Returns the URL of a new, empty database on a server. */
export type NewDatabase = () => Promise<string>;

/** What a service prints after it has lived through the life of a document. */
const lived = 'applied and undone: \\d+\\n';

/** Builds and starts the services of test/consumers/, each in a project of its own. */
export async function checkConsumers(tarball: string, newDatabase: NewDatabase): Promise<void> {
  step('A CommonJS service compiles with moduleResolution node10 and node16, and runs');
  await checkCommonJs(tarball, await newDatabase());
  step('A service tests itself on PGlite in memory');
  checkInMemory(tarball);
  step('Bundled services run in an empty folder, without PGlite');
  await checkBundles(tarball, newDatabase);
}

function consumer(name: string): Project {
  const project = new Project();
  project.copy(`consumers/${name}`, '.');
  project.copy('consumers/life.ts', 'life.ts');
  return project;
}

async function checkCommonJs(tarball: string, url: string): Promise<void> {
  const project = consumer('commonjs-service');
  project.install(
    tarball,
    ...['drizzle-orm', 'drizzle-zod', 'zod', 'pg', '@electric-sql/pglite'].map(peer),
    ...['@types/pg', '@types/node'].map(peer),
    // NestJS 10 and 11 use TypeScript 5. Later versions have no moduleResolution node10.
    'typescript@5',
  );
  project.run(['npm', 'run', 'build']);
  assert.match(
    project.run(['node', 'dist/main.js'], { DATABASE_URL: url }),
    new RegExp(
      `^${lived}drivers loaded: \\[\\]
true 1\ndrivers loaded: \\[ 'postgres' \\]
true 1\ndrivers loaded: \\[ 'postgres', '@electric-sql/pglite' \\]\n$`,
    ),
  );
  project.remove();
}

function checkInMemory(tarball: string): void {
  const project = consumer('in-memory');
  project.install(tarball, ...['drizzle-orm', '@electric-sql/pglite', 'vitest'].map(peer));
  project.run(['npm', 'test']);
  project.remove();
}

/** The bundlers find the package in the root of a workspace, and the bundles run elsewhere. */
async function checkBundles(tarball: string, newDatabase: NewDatabase): Promise<void> {
  const workspace = new Project();
  workspace.write('package.json', JSON.stringify({ private: true, workspaces: ['services/*'] }));
  workspace.copy('consumers/bundled-service', 'services/bundled');
  workspace.copy('consumers/life.ts', 'services/bundled/life.ts');
  workspace.install(
    ...['--workspace', 'services/bundled', tarball],
    ...['drizzle-orm', 'esbuild', 'typescript', '@types/node'].map(peer),
    ...['webpack@5', 'webpack-cli@6'],
  );
  const esbuild = 'npx esbuild service.ts --bundle --platform=node';
  const tsc = 'npx tsc life.ts service.ts --target es2023 --types node --strict --skipLibCheck';
  const webpack = 'npx webpack --target node --mode production --output-path out';
  const bundles: [file: string, command: string][] = [
    ['service.mjs', `${esbuild} --format=esm --outfile=out/service.mjs`],
    ['service.cjs', `${esbuild} --format=cjs --minify --outfile=out/service.cjs`],
    // ESM, which imports dist.
    ['main.js', `${tsc} --module nodenext --outDir esm && ${webpack} ./esm/service.js`],
    // CommonJS, which requires dist/cjs.
    [
      'main.js',
      `${tsc} --module commonjs --moduleResolution bundler --outDir cjs &&
       echo '{ "type": "commonjs" }' > cjs/package.json && ${webpack} ./cjs/service.js`,
    ],
  ];
  for (const [file, command] of bundles) {
    workspace.run(['sh', '-c', `cd services/bundled && rm -rf out && ${command}`]);
    const elsewhere = new Project();
    cpSync(join(workspace.folder, 'services/bundled/out'), elsewhere.folder, { recursive: true });
    assert.match(
      elsewhere.run(['node', file], { DATABASE_URL: await newDatabase() }),
      new RegExp(`^${lived}1\nDATABASE_UNAVAILABLE\n$`),
      command,
    );
    elsewhere.remove();
  }
  workspace.remove();
}
