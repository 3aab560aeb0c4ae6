import type { LedgerShape } from '../scale/shape.ts';
import type { VectorTables } from '../tables.ts';
import type { LedgerObject } from './catalog.ts';
import { documentReference, renamed } from './ledger-sql.ts';
import { embeddedSchema } from './sql.generated.ts';

/** Reads `drizzle/schema.sql`: the objects of the package's own ledger as all migrations together create them. */
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

/**
 * The objects that a ledger must have: those of `drizzle/schema.sql`, with the ledger's names, the type of its key,
 * and what its shape changes, such as the primary key.
 */
export function expectedObjects(tables: VectorTables, shape: LedgerShape): LedgerObject[] {
  const unquoted = (text: string) =>
    renamed(text, tables).replaceAll(`"${tables.name}"`, tables.name);
  return readSchemaFile()
    .filter(({ object }) => tables.keyType === 'integer' || !object.endsWith('_patch_id_head'))
    .map(({ object, definition }) => ({
      object: unquoted(object),
      definition: unquoted(
        forShape(object, definitionForKey(object, definition, tables), shape),
      ).replace(/REFERENCES documents\(id\)/, () => `REFERENCES ${documentReference(tables)}`),
    }));
}

/** Applies what `partition` and `distribute` change, such as primary keys that also contain `doc_id`. */
function forShape(object: string, definition: string, { kind }: LedgerShape): string {
  if (kind === 'plain') return definition;
  if (object.endsWith(' vectors_pkey')) return definition.replace('(id)', '(id, doc_id)');
  if (kind === 'partitioned') return definition;
  if (object.endsWith(' vector_orphans_pkey')) return definition.replace('(id)', '(id, doc_id)');
  if (object === 'column vectors.id') return definition.replace('integer', 'bigint');
  return object === 'column vector_orphans.doc_id' ? `${definition} not null` : definition;
}

/** Changes a definition, as PostgreSQL prints it, in the same way as `statementForKey` of ledger-sql.ts changes a statement. */
function definitionForKey(object: string, definition: string, { keyType }: VectorTables): string {
  if (keyType === 'integer') return definition;
  if (/^column \w+\.doc_id$/.test(object)) return definition.replace('integer', keyType);
  const text = definition.replaceAll('doc_id integer', `doc_id ${keyType}`);
  switch (object) {
    case 'function vectors_has_own_ids':
      return text.replace(/RETURN .*/, 'RETURN false');
    case 'function vectors_purge_lock_key': {
      const asText = keyType === 'text' ? 'doc_id' : '(doc_id)::text';
      return text.replace('(doc_id & 63)', `(hashtext(${asText}) & 63)`);
    }
    case 'index ix_vectors_vector_ids':
      return text.replace(/ WHERE .*/, '');
    default:
      return text;
  }
}
