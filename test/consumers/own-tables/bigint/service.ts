import { installLedger, uninstallLedger } from 'colpali-vectors';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate } from 'drizzle-orm/postgres-js/migrator';
import postgres from 'postgres';
import { liveThrough } from '../life.js';
import { ledger, scans } from './schema.js';

async function main(): Promise<void> {
  const client = postgres(process.env['DATABASE_URL'] ?? '', { onnotice: () => {} });
  const db = drizzle({ client });
  await migrate(db, { migrationsFolder: 'drizzle' });
  await installLedger(db, ledger);

  const [first, second] = await db.insert(scans).values([{}, {}]).returning();
  if (first === undefined || second === undefined) throw new Error('not inserted');
  await liveThrough(db, [first.id, second.id], ledger);
  console.log(await uninstallLedger(db, ledger));
  await client.end();
}

void main();
