/** Writes src/migrations/sql.generated.ts: `npm run db:embed`, after every change in drizzle/. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { renderMigrationsModule } from './migrations-module.ts';

const root = new URL('..', import.meta.url);
writeFileSync(
  new URL('src/migrations/sql.generated.ts', root),
  renderMigrationsModule(fileURLToPath(new URL('drizzle', root))),
);
