import assert from 'node:assert/strict';
import { cpSync, readFileSync } from 'node:fs';
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
  step('Services have their own documents tables and migrations');
  await checkOwnTables(tarball, newDatabase);
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

/** Services with documents tables and migrations of their own. */
async function checkOwnTables(tarball: string, newDatabase: NewDatabase): Promise<void> {
  const project = consumer('own-tables');
  project.install(
    tarball,
    ...['drizzle-orm', 'drizzle-kit', '@electric-sql/pglite', 'pg'].map(peer),
    ...['esbuild', 'tsx', 'typescript', 'vitest', '@types/node', '@types/pg'].map(peer),
  );
  project.run(['npx', 'tsc', '-p', '.']);
  const drizzleKit = (command: string, service: string, ...options: string[]) =>
    project.run(
      ['npx', 'drizzle-kit', command, '--config', `${service}/drizzle.config.ts`, ...options],
      {
        DATABASE_URL: urls[service] ?? '',
      },
    );
  const urls: Record<string, string> = { uuid: await newDatabase(), bigint: await newDatabase() };
  const generate = (service: string) => {
    drizzleKit('generate', service);
    project.run(['npx', 'colpali-vectors', 'generate', '--config', `${service}/drizzle.config.ts`]);
  };

  step('uuid keys in another schema and two ledgers, with node-postgres and drizzle-kit migrate');
  const url = { DATABASE_URL: urls['uuid'] ?? '' };
  generate('uuid');
  drizzleKit('migrate', 'uuid');
  assert.equal(project.run(['npx', 'tsx', 'uuid/service.ts'], url), 'lived\n');

  step('Without the ledgers in the schema, the next migrations remove them');
  const schema = readFileSync(join(project.folder, 'uuid/schema.ts'), 'utf8');
  project.write('uuid/schema.ts', schema.slice(0, schema.indexOf('/** Two ledgers')));
  generate('uuid');
  drizzleKit('migrate', 'uuid');
  assert.equal(project.run(['npx', 'tsx', 'uuid/list-objects.ts'], url), 'files\n');

  step('bigint keys, with postgres.js, in a bundle of esbuild');
  drizzleKit('generate', 'bigint');
  const esbuild =
    'npx esbuild bigint/service.ts --bundle --platform=node --outfile=bigint/out/service.cjs';
  project.run(esbuild.split(' '));
  const elsewhere = new Project();
  cpSync(join(project.folder, 'bigint/out'), elsewhere.folder, { recursive: true });
  cpSync(join(project.folder, 'bigint/drizzle'), join(elsewhere.folder, 'drizzle'), {
    recursive: true,
  });
  assert.equal(
    elsewhere.run(['node', 'service.cjs'], { DATABASE_URL: urls['bigint'] ?? '' }),
    '{ pages: 1, orphans: 0 }\n',
  );
  elsewhere.remove();

  step('text keys, tested by vitest on PGlite in memory');
  drizzleKit('generate', 'text');
  project.run(['npx', 'vitest', 'run']);
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
