import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeBlocks, docFiles } from '../support/docs.ts';
import { Project, peer, step } from './project.ts';

/** Compiles and runs all snippets of the docs, and the commands that they show. */
export function checkSnippets(tarball: string): void {
  const project = new Project();
  project.write('package.json', JSON.stringify({ name: 'project', private: true, type: 'module' }));

  step('Without PGlite, the error says what to install or set');
  project.install(tarball, peer('drizzle-orm'));
  project.write(
    'without-pglite.js',
    `import { openDatabase } from 'colpali-vectors';
     const error = await openDatabase('.nowhere').catch((thrown) => thrown);
     console.log(error.code, error.message);`,
  );
  assert.match(
    project.run(['node', 'without-pglite.js']),
    /^DATABASE_UNAVAILABLE .*install it, or set DATABASE_URL/,
  );

  step('The snippets of the README and the docs compile and run');
  const packages = [
    ...['@electric-sql/pglite', 'drizzle-kit', 'drizzle-zod', 'zod'],
    '@opentelemetry/api',
  ];
  project.install(...[...packages, 'typescript', '@types/node'].map(peer));
  runSnippets(project);

  step('The documented drizzle-kit commands work');
  runDrizzleKit(project);

  step('The command line works');
  const inProject = (...args: string[]) => project.run(['npx', 'colpali-vectors', ...args]);
  assert.equal(inProject('migrate', '--database', '.by-drizzle-kit'), 'nothing to apply\n');
  assert.match(inProject('migrate', '-d', '.by-command'), /^applied 0000_20250524_vectors\n/);
  assert.match(inProject('status', '-d', '.by-command'), /^migrations +\d+ applied, 0 pending$/m);
  project.remove();
}

function runSnippets(project: Project): void {
  project.write(
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
      project.write(`${name}.ts`, code);
      return { name, isProgram: fileName === undefined };
    }),
  );
  project.write(
    'types.ts',
    `import type { PageVectors, VectorRepository } from 'colpali-vectors';
     export const ids = (page: PageVectors): string[] => page.vectorIds;
     // @ts-expect-error the types are real: a page number is not a string
     export const wrong = (repository: VectorRepository) => repository.findByPage(7, '3');`,
  );
  project.run(['npx', 'tsc', '-p', '.']);
  const printed = new Map(
    snippets
      .filter(({ isProgram }) => isProgram)
      .map(({ name }) => [name, project.run(['node', `out/${name}.js`])]),
  );
  assert.match(printed.get('README-md-1') ?? '', /^\[ 'a', 'b', 'c' \]\n.*page: 2, patch: 2/);
  assert.match(printed.get('README-md-2') ?? '', /^1030 0\n4 0\n$/);
  assert(printed.size >= 12, `only ${printed.size} snippets were found`);
}

function runDrizzleKit(project: Project): void {
  const config = readFileSync(join(project.folder, 'drizzle.ledger.config.ts'), 'utf8');
  // The same file for an embedded database, because this check has no server.
  project.write(
    'drizzle.ledger.config.ts',
    config.replace("dialect: 'postgresql',", "dialect: 'postgresql', driver: 'pglite',"),
  );
  const [migrateCommand] =
    codeBlocks('docs/migrations.md', 'sh')
      .join('')
      .match(/^npx drizzle-kit migrate --config.*$/m) ?? [];
  assert(migrateCommand !== undefined, 'docs/migrations.md has no migrate command');
  project.run(['sh', '-c', `DATABASE_URL=.by-drizzle-kit ${migrateCommand}`]);
  project.write(
    'after-drizzle-kit.js',
    `import { createVectorRepository, migrate, openDatabase } from 'colpali-vectors';
     const { applied } = await migrate({ url: '.by-drizzle-kit' });
     const { db, close } = await openDatabase('.by-drizzle-kit');
     const pages = await createVectorRepository(db).findByDocument(1);
     console.log(applied.length, pages.length);
     await close();`,
  );
  assert.equal(project.run(['node', 'after-drizzle-kit.js']), '0 0\n');
}
