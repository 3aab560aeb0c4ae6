import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Writes the SQL of a drizzle-kit folder as a TypeScript module, so that no folder is needed at run time. A bundled
 * service would find the folder of its own migrations instead of ours.
 */
export function renderMigrationsModule(folder: string): string {
  const read = (path: string) => readFileSync(join(folder, path), 'utf8');
  const journal = JSON.parse(read('meta/_journal.json'));
  const migrations = journal.entries.map(({ tag, when }: { tag: string; when: number }) => {
    const up = read(`${tag}.sql`);
    // drizzle-kit stores the same hash.
    const hash = createHash('sha256').update(up).digest('hex');
    return `  {
    tag: '${tag}',
    when: ${when},
    hash: '${hash}',
    up: ${templateLiteral(up)},
    down: ${templateLiteral(read(`down/${tag}.sql`))},
  },
`;
  });
  return `// Written by \`npm run db:embed\` from the files in drizzle/. Do not edit.

export const embeddedMigrations = [
${migrations.join('')}];

export const embeddedSchema = ${templateLiteral(read('schema.sql'))};
`;
}

/** JavaScript code for a string. Its lines stay lines, so that a diff shows what changed. */
function templateLiteral(text: string): string {
  return `\`${text.replaceAll(/[\\`]|\$(?=\{)/g, '\\$&')}\``;
}
