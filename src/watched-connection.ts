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
 * Runs a transaction of the host's database. If its driver is node-postgres or Neon's, rejects as soon as the
 * connection is lost, as the other drivers do. The work may then still run, but its statements fail.
 *
 * This also works around two faults of Drizzle 0.45:
 *
 * - If `begin` fails, Drizzle never gives the connection back, and the pool runs out of connections.
 * - If the connection is lost between two statements, its `error` event has no listener, which ends the process.
 *
 * @param host - A database, not a transaction.
 */
export async function withWatchedConnection<Result>(
  host: Db,
  transact: (db: Db) => Promise<Result>,
): Promise<Result> {
  const { session } = host as unknown as { session: { client?: unknown } };
  const { client } = session;
  if (!hasConnect(client)) return transact(host);
  let onLost: (reason: unknown) => void = () => {};
  const lost = new Promise<never>((_, reject) => {
    onLost = reject;
  });
  if (!isPool(client)) {
    const stopWatching = watch(client, onLost);
    return await Promise.race([transact(host), lost]).finally(stopWatching);
  }
  const { pool, releaseAll } = trackClients(client, onLost);
  const trackedSession = Object.create(session, { client: { value: pool } });
  const tracked: Db = Object.create(host, { session: { value: trackedSession } });
  return await Promise.race([transact(tracked), lost]).finally(releaseAll);
}

/** Watches the clients that are taken from the pool. `releaseAll` destroys those that were not given back. */
function trackClients(
  pool: Pool,
  onLost: (reason: unknown) => void,
): { pool: Pool; releaseAll: () => void } {
  const taken = new Set<PoolClient>();
  const connect = async () => {
    const client = await pool.connect();
    taken.add(client);
    const stopWatching = watch(client, onLost);
    const { release } = client;
    client.release = (destroy) => {
      taken.delete(client);
      stopWatching();
      client.release = release;
      release.call(client, destroy);
    };
    return client;
  };
  const releaseAll = () => {
    for (const client of taken) client.release(true);
  };
  return { pool: Object.create(pool, { connect: { value: connect } }), releaseAll };
}

/** Calls `onLost` with the reason if the client loses its connection. Returns a function that stops watching. */
function watch(client: EventEmitter, onLost: (reason: unknown) => void): () => void {
  let isLost = false;
  const lose = (reason: unknown) => {
    isLost = true;
    onLost(reason);
  };
  // Closing the client causes no `error` event.
  const onEnd = () => lose(new Error('Connection terminated'));
  client.on('error', lose);
  client.on('end', onEnd);
  return () => {
    // After a loss the listeners stay. node-postgres emits `error` twice: for the server's message, and when the socket
    // closes. Without a listener, the second one would end the process.
    if (isLost) return;
    client.off('error', lose);
    client.off('end', onEnd);
  };
}

/** Whether this is a pool or a single client of these drivers. */
function hasConnect(client: unknown): client is Pool | EventEmitter {
  return typeof client === 'object' && client !== null && 'connect' in client && 'off' in client;
}

/** Whether this is a pool. A single client also has `connect`, but not `totalCount`. */
function isPool(client: Pool | EventEmitter): client is Pool {
  return 'totalCount' in client;
}
