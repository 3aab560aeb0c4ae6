/**
 * Checks the package as users get it: packs it, installs it into an empty project, and compiles and runs all
 * snippets of the docs there. `npm run test:package`; installs the peer dependencies from the npm registry.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { codeBlocks, docFiles } from '../support/docs.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const project = mkdtempSync(join(tmpdir(), 'colpali-vectors-'));
const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

step('The package is well formed');
run(root, 'npm', 'pack', '--pack-destination', project);
const tarball = readdirSync(project).find((name) => name.endsWith('.tgz'));
assert(tarball !== undefined, 'npm pack wrote no tarball');
run(root, 'npx', 'publint', '--strict', join(project, tarball));
run(root, 'npx', 'attw', join(project, tarball), '--quiet');

step('Without PGlite, the error says what to install or set');
write('package.json', JSON.stringify({ name: 'project', private: true, type: 'module' }));
install(`./${tarball}`, peer('drizzle-orm'));
write(
  'without-pglite.js',
  `import { openDatabase } from 'colpali-vectors';
   const error = await openDatabase('.nowhere').catch((thrown) => thrown);
   console.log(error.code, error.message);`,
);
assert.match(
  run(project, 'node', 'without-pglite.js'),
  /^DATABASE_UNAVAILABLE .*install it, or set DATABASE_URL/,
);

step('The snippets of the README and the docs compile and run');
install(
  ...['@electric-sql/pglite', 'drizzle-kit', 'drizzle-zod', 'zod'].map(peer),
  ...['typescript', '@types/node'].map(peer),
);
write(
  'tsconfig.json',
  JSON.stringify({
    compilerOptions: {
      module: 'nodenext',
      target: 'es2023',
      types: ['node'],
      strict: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: true,
      outDir: 'out',
      rootDir: '.',
    },
    include: ['*.ts'],
  }),
);
/** A snippet is a program, unless its first line names the file that it belongs in. */
const snippets = docFiles.flatMap((file) =>
  codeBlocks(file, 'ts').map((code, index) => {
    const fileName = /^\/\/ (\S+)\.ts\n/.exec(code)?.[1];
    const name = fileName ?? `${file.replaceAll(/\W/g, '-')}-${index + 1}`;
    write(`${name}.ts`, code);
    return { name, isProgram: fileName === undefined };
  }),
);
write(
  'types.ts',
  `import type { PageVectors, VectorRepository } from 'colpali-vectors';
   export const ids = (page: PageVectors): string[] => page.vectorIds;
   // @ts-expect-error the types are real: a page number is not a string
   export const wrong = (repository: VectorRepository) => repository.findByPage(7, '3');`,
);
run(project, 'npx', 'tsc', '-p', '.');
const printed = new Map(
  snippets
    .filter(({ isProgram }) => isProgram)
    .map(({ name }) => [name, run(project, 'node', `out/${name}.js`)]),
);
assert.match(printed.get('README-md-1') ?? '', /^\[ 'a', 'b', 'c' \]\n.*page: 2, patch: 2/);
assert.match(printed.get('README-md-2') ?? '', /^1030 0\n4 0\n$/);
assert(printed.size >= 12, `only ${printed.size} snippets were found`);

step('The documented drizzle-kit commands work');
const ledgerConfig = readFileSync(join(project, 'drizzle.ledger.config.ts'), 'utf8');
// The same file for an embedded database, because this check has no server.
write(
  'drizzle.ledger.config.ts',
  ledgerConfig.replace("dialect: 'postgresql',", "dialect: 'postgresql', driver: 'pglite',"),
);
const [migrateCommand] =
  codeBlocks('docs/migrations.md', 'sh')
    .join('')
    .match(/^npx drizzle-kit migrate --config.*$/m) ?? [];
assert(migrateCommand !== undefined, 'docs/migrations.md has no migrate command');
run(project, 'sh', '-c', `DATABASE_URL=.by-drizzle-kit ${migrateCommand}`);
write(
  'after-drizzle-kit.js',
  `import { createVectorRepository, migrate, openDatabase } from 'colpali-vectors';
   const { applied } = await migrate({ url: '.by-drizzle-kit' });
   const { db, close } = await openDatabase('.by-drizzle-kit');
   const pages = await createVectorRepository(db).findByDocument(1);
   console.log(applied.length, pages.length);
   await close();`,
);
assert.equal(run(project, 'node', 'after-drizzle-kit.js'), '0 0\n');

step('The command line works');
const inProject = (...args: string[]) => run(project, 'npx', 'colpali-vectors', ...args);
assert.equal(inProject('migrate', '--database', '.by-drizzle-kit'), 'nothing to apply\n');
assert.match(inProject('migrate', '-d', '.by-command'), /^applied 0000_20250524_vectors\n/);
assert.match(inProject('status', '-d', '.by-command'), /^migrations +\d+ applied, 0 pending$/m);

rmSync(project, { recursive: true, force: true });
step('The package works');

function step(name: string): void {
  console.log(`- ${name}`);
}

function write(file: string, text: string): void {
  writeFileSync(join(project, file), text);
}

/** A package in the version that this repository is tested with. */
function peer(name: string): string {
  return `${name}@${devDependencies[name]}`;
}

function install(...packages: string[]): void {
  run(project, 'npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', ...packages);
}

/** Runs a command and returns its stdout. If it fails, the error shows everything that it printed. */
function run(cwd: string, command: string, ...args: string[]): string {
  const { DATABASE_URL: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8' });
  assert.equal(status, 0, `${command} ${args.join(' ')} failed:\n${stdout}${stderr}`);
  return stdout;
}
