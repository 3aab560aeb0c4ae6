/** Runs on Node, Bun and Deno: an embedded database in memory, a server, and one that the host has opened. */
import { openDatabase } from 'colpali-vectors';
import { drizzle } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { liveInOwnTables } from './life.js';

const { SERVER_URL: url = '', HOST_URL: hostUrl = '' } = process.env;

for (const target of ['memory://', url]) {
  const { db, close } = await openDatabase(target);
  console.log(await liveInOwnTables(db));
  await close();
}

const client = postgres(hostUrl, { onnotice: () => {} });
console.log(await liveInOwnTables(drizzle({ client })));
await client.end();
