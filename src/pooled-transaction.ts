import type { EventEmitter } from 'node:events';
import type { Db } from './db.ts';

/** A pool of node-postgres or of Neon's driver, which has the same functions. */
interface Pool {
  connect(): Promise<PoolClient>;
}

interface PoolClient extends EventEmitter {
  release(destroy?: boolean | Error): void;
}

/**
 * Runs `work` with the host's database. If its driver is node-postgres or Neon's, works around two faults of
 * Drizzle 0.45:
 *
 * - If `begin` fails, Drizzle never gives the connection back, and the pool runs out of connections.
 * - If the connection is lost between two statements, its `error` event has no listener, which ends the process.
 */
export async function withPooledConnections<Result>(
  host: Db,
  work: (db: Db) => Promise<Result>,
): Promise<Result> {
  const { session } = host as unknown as { session: { client?: unknown } };
  const { client: pool } = session;
  if (!isPool(pool)) return work(host);
  const taken: { client: PoolClient; isReleased: boolean }[] = [];
  const tracked: Pool = Object.create(pool, {
    connect: {
      value: async () => {
        const client = await pool.connect();
        const connection = { client, isReleased: false };
        taken.push(connection);
        const { release } = client;
        client.on('error', ignore);
        client.release = (destroy) => {
          connection.isReleased = true;
          client.off('error', ignore);
          client.release = release;
          release.call(client, destroy);
        };
        return client;
      },
    },
  });
  const trackedSession = Object.create(session, { client: { value: tracked } });
  try {
    return await work(Object.create(host, { session: { value: trackedSession } }));
  } finally {
    for (const { client, isReleased } of taken) {
      if (!isReleased) client.release(true);
    }
  }
}

/** Does nothing, because the next statement on the connection fails with the same error. */
function ignore(): void {}

/** Whether this is a pool. A single client also has `connect`, but not `totalCount`. */
function isPool(client: unknown): client is Pool {
  return (
    typeof client === 'object' && client !== null && 'connect' in client && 'totalCount' in client
  );
}
