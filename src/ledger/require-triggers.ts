import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import { MigrationError } from '../errors.ts';
import { generateHint, migrateHint } from '../missing-objects.ts';
import { readShape } from '../scale/shape.ts';
import { defaultTables, qualifiedName, type VectorTables } from '../tables.ts';

/** The triggers that keep ids from being lost. The names lack the prefix of the ledger. */
const triggers = [
  'queue_deleted',
  'queue_replaced',
  'queue_moved',
  'queue_truncated',
  'new_revision',
  'wait_after_insert',
  'wait_after_update',
];

/**
 * Checks that the triggers exist and fire. Tables that the host's own migrations created do not have them, and
 * then nothing would ever be queued.
 *
 * @returns Whether the ledger is distributed, which some statements have to know.
 * @throws {MigrationError} A trigger is missing or disabled.
 */
export async function requireTriggers(db: Db, tables: VectorTables): Promise<boolean> {
  const table = qualifiedName(tables.vectors);
  const names = triggers.map((trigger) => `${tables.name}_${trigger}`);
  const rows = rowsOf<{ name: string; state: string }>(
    await db.execute(sql`
      select trigger.name, case when tgname is null then 'missing' else 'disabled' end as state
      from jsonb_array_elements_text(${JSON.stringify(names)}::text::jsonb) as trigger (name)
      left join pg_trigger on tgrelid = to_regclass(${table}) and tgname = trigger.name
      where to_regclass(${table}) is not null
        and tgenabled is distinct from 'A'
        and tgenabled is distinct from
          case current_setting('session_replication_role') when 'replica' then 'R' else 'O' end
      union all
      select extname, 'extension' from pg_extension where extname = 'citus'`),
  );
  const found = rows.filter(({ state }) => state !== 'extension');
  const hasCitus = rows.length > found.length;
  if (found.length === 0) {
    return hasCitus && (await readShape(db, tables)).kind === 'distributed';
  }
  const isDisabled = found.every(({ state }) => state === 'disabled');
  const howToCreate = tables === defaultTables ? migrateHint : generateHint;
  const hint = isDisabled
    ? `Run: alter table ${table} enable trigger ${found.map((trigger) => trigger.name).join(`; alter table ${table} enable trigger `)}; and check session_replication_role.`
    : howToCreate;
  const list = found.map((trigger) => `${trigger.name} (${trigger.state})`).join(', ');
  throw new MigrationError(
    `Triggers of ${table} do not work, so vector ids would be lost: ${list}\nHint: ${hint}`,
    { hint },
  );
}
