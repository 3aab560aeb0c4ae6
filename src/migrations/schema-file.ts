import type { LedgerObject } from './catalog.ts';
import { embeddedSchema } from './sql.generated.ts';

/** Reads `drizzle/schema.sql`: the ledger's objects as all migrations together create them. */
export function readSchemaFile(): LedgerObject[] {
  return embeddedSchema
    .split(/^-- (?=(?:column|constraint|index|trigger|function|view) )/m)
    .slice(1)
    .map((text) => {
      const end = text.indexOf('\n');
      return { object: text.slice(0, end), definition: text.slice(end).trim() };
    });
}

/** Formats objects as `readSchemaFile` reads them: a comment with the kind and name, then the definition. */
export function formatSchemaFile(objects: readonly LedgerObject[]): string {
  return objects.map(({ object, definition }) => `-- ${object}\n${definition}\n`).join('\n');
}
