import './scripts/hide-pg.ts';
import { defineConfig } from 'drizzle-kit';
import {
  type DatabaseTarget,
  describeTarget,
  parseDatabaseUrl,
} from './src/connect/database-url.ts';
import { lockDirectory } from './src/connect/directory-lock.ts';
import { migrationsTable } from './src/migrations/files.ts';

/** The commands that connect to a database. The others, such as generate and check, read files only. */
const connecting = ['migrate', 'push', 'studio', 'pull', 'introspect'];
const connects = process.argv.slice(2).some((argument) => connecting.includes(argument));

export default defineConfig({
  dialect: 'postgresql',
  schema: './src/schema.ts',
  out: './drizzle',
  migrations: { table: migrationsTable },
  ...(connects ? credentialsOf(findTarget()) : {}),
});

/** drizzle-kit uses the same database as openDatabase(): DATABASE_URL, or the embedded database in .pglite/. */
function findTarget(): DatabaseTarget {
  const { CI, DATABASE_URL } = process.env;
  const isCi = CI !== undefined && !['', '0', 'false'].includes(CI);
  if (DATABASE_URL === '' || (DATABASE_URL === undefined && isCi)) {
    throw new Error(
      'Set DATABASE_URL. In CI, or if the variable is empty, the embedded database is not used.',
    );
  }
  const target = parseDatabaseUrl(undefined, ['DATABASE_URL']);
  process.stderr.write(`database: ${describeTarget(target)}\n`);
  return target;
}

function credentialsOf(target: DatabaseTarget) {
  if (target.kind === 'postgres') return { dbCredentials: { url: target.url } };
  // The lock keeps other processes from opening the directory until this process ends.
  if (!target.directory.startsWith('memory://')) lockDirectory(target.directory);
  return { driver: 'pglite' as const, dbCredentials: { url: target.directory } };
}
