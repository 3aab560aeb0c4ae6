import { createVectorRepository, migrate, openDatabase, patchVectorIds } from 'colpali-vectors';
import { liveInOwnTables } from './life.js';

async function main(): Promise<void> {
  const { DATABASE_URL: url } = process.env;
  const { db, close } = await openDatabase(url);
  console.log(await liveInOwnTables(db));

  await migrate({ url });
  await db.execute('insert into documents (id) values (2) on conflict do nothing');
  const repository = createVectorRepository(db);
  const vectorIds = patchVectorIds({ docId: 2, page: 1, count: 3 });
  await repository.upsertPage({ docId: 2, page: 1, vectorIds });
  console.log(await repository.countPages(2));
  await close();

  const { code } = await openDatabase('.nowhere').then(
    () => ({ code: 'PGlite is installed' }),
    (error: { code: string }) => error,
  );
  console.log(code);
}

void main();
