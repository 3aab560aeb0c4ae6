import { migrate, openDatabase } from 'colpali-vectors';
import { drizzle } from 'drizzle-orm/node-postgres';
import { Pool } from 'pg';
import { LedgerService } from './ledger.service';

async function main(): Promise<void> {
  const pool = new Pool({ connectionString: process.env.DATABASE_URL });
  console.log(await new LedgerService(drizzle({ client: pool })).live());
  await pool.end();

  console.log('drivers loaded:', loadedDrivers());

  for (const url of [process.env.DATABASE_URL, 'memory://']) {
    const { db, close } = await openDatabase(url);
    await migrate({ db });
    await db.execute('insert into documents (id) values (1) on conflict do nothing');
    const service = new LedgerService(db);
    const page = { docId: 1, page: 1, vectorIds: ['a'] };
    console.log(service.models.length > 0, await service.record(page));
    await close();
    console.log('drivers loaded:', loadedDrivers());
  }
}

/** The drivers of openDatabase() that this process has loaded. */
function loadedDrivers(): string[] {
  const files = Object.keys(require.cache);
  return ['postgres', '@electric-sql/pglite'].filter((name) =>
    files.some((file) => file.includes(`/node_modules/${name}/`)),
  );
}

void main();
