/** Whether every function gives the same answers on a driver that is not installed here, as on `openDatabase`. */
import { sql } from 'drizzle-orm';
import { type Db, migrate, openDatabase } from '../../../src/index.ts';
import { sweep } from '../../support/sweep.ts';

type Disturb = () => Promise<unknown>;

/**
 * Prints a line for each disturbance: `same`, or the name of each function whose answer differs.
 *
 * @param disturbances - More of them, by name. Each is done before every call.
 */
export async function compareDriver(
  url: string,
  db: Db,
  disturbances: Record<string, Disturb> = {},
): Promise<void> {
  await migrate({ url });
  const admin = await openDatabase(url);
  const expected = await sweep(admin.db);
  const all: Record<string, Disturb> = {
    nothing: async () => {},
    'a failed statement': () =>
      db.execute(sql`select 1 / (3 - i) from generate_series(1, 5) as i`).catch(() => {}),
    'a timeout': () =>
      db
        .transaction(async (tx) => {
          await tx.execute(sql`set local statement_timeout = 10`);
          await tx.execute(sql`select i, pg_sleep(0.004) from generate_series(1, 50) as i`);
        })
        .catch(() => {}),
    'a killed backend': () =>
      admin.db.execute(sql`
        select pg_terminate_backend(pid, 5000) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`),
    ...disturbances,
  };
  for (const [name, disturb] of Object.entries(all)) {
    const answers = await sweep(db, disturb);
    const different = Object.keys(expected).filter(
      (key) => JSON.stringify(answers[key]) !== JSON.stringify(expected[key]),
    );
    console.log(`after ${name}: ${different.length === 0 ? 'same' : different.join(', ')}`);
  }
  // The drivers' connections would keep the process alive.
  process.exit(0);
}
