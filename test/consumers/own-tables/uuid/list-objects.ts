/** Prints the tables, views and functions of the schema app. */
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { Pool } from 'pg';

const pool = new Pool({ connectionString: process.env['DATABASE_URL'] });
const { rows } = await drizzle({ client: pool }).execute(sql`
  select relname as name from pg_class
  where relnamespace = 'app'::regnamespace and relkind in ('r', 'v')
  union all
  select proname from pg_proc where pronamespace = 'app'::regnamespace`);
console.log(rows.map(({ name }) => name).join());
await pool.end();
