import { defineConfig } from 'drizzle-kit';
import { parseDatabaseUrl } from './src/connect/database-url.ts';
import { migrationsTable } from './src/migrations/files.ts';

// drizzle-kit uses the same database as openDatabase(): DATABASE_URL, or the embedded database in .pglite/.
const target = parseDatabaseUrl();

export default defineConfig({
  dialect: 'postgresql',
  schema: './src/schema.ts',
  out: './drizzle',
  migrations: { table: migrationsTable },
  ...(target.kind === 'postgres'
    ? { dbCredentials: { url: target.url } }
    : { driver: 'pglite', dbCredentials: { url: target.directory } }),
});
