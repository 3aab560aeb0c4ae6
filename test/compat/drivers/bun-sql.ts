/** Runs on Bun, with its own client. The modules are not installed here, hence their computed names. */
import { compareDriver } from './compare.ts';

const { SQL } = await import(String('bun'));
const { drizzle } = await import(String('drizzle-orm/bun-sql'));

const [url = ''] = process.argv.slice(2);
await compareDriver(url, drizzle({ client: new SQL(url, { max: 2 }) }));
