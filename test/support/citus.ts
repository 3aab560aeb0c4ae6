/** Databases on a Citus cluster: each exists on every node, under the same name. */
import postgres from 'postgres';
import { distributeLedger, migrate } from '../../src/index.ts';
import { databaseUrl } from './database-url.ts';

/** Enough shards for several on each worker. More only make the tests slower. */
const shards = 6;

/** The databases to clone. */
export interface ClusterTemplates {
  /** A migrated ledger without rows, which is not distributed. */
  migrated: string;
  /** The same, distributed. */
  distributed: string;
}

/**
 * Creates the databases that the tests clone. Nobody connects to them.
 *
 * @param coordinatorUrl - The maintenance database of the coordinator, which knows the workers.
 */
export async function createClusterTemplates(
  coordinatorUrl: string,
  { migrated, distributed }: ClusterTemplates,
): Promise<void> {
  await migrate({ url: await createOnNodes(coordinatorUrl, migrated) });
  await closeOnNodes(coordinatorUrl, migrated);
  await cloneOnNodes(coordinatorUrl, distributed, migrated);
  await distributeLedger({ url: databaseUrl(coordinatorUrl, distributed), shards, apply: true });
  await closeOnNodes(coordinatorUrl, distributed);
}

/**
 * Ends all connections to a database, and allows no others.
 *
 * The daemons of Citus connect to each database on every node. While one is connected, the database can neither be
 * cloned nor dropped.
 */
async function closeOnNodes(coordinatorUrl: string, name: string): Promise<void> {
  for (const { url } of await readNodes(coordinatorUrl)) {
    await run(
      url,
      // Unlike "alter database", this does not fail if the database is missing on a node.
      `update pg_database set datallowconn = false where datname = '${name}'`,
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`,
    );
  }
}

/** Creates an empty database with the extension on every node. Returns its URL on the coordinator. */
export async function createOnNodes(coordinatorUrl: string, name: string): Promise<string> {
  const nodes = await readNodes(coordinatorUrl);
  for (const node of nodes) {
    await run(node.url, `create database ${name}`);
    await run(databaseUrl(node.url, name), 'create extension citus');
  }
  const url = databaseUrl(coordinatorUrl, name);
  for (const { host, port, isCoordinator } of nodes) {
    const add = isCoordinator ? 'citus_set_coordinator_host' : 'citus_add_node';
    await run(url, `select ${add}('${host}', ${port})`);
  }
  return url;
}

/** Clones a database on every node. */
export async function cloneOnNodes(
  coordinatorUrl: string,
  name: string,
  template: string,
): Promise<void> {
  for (const { url } of await readNodes(coordinatorUrl)) {
    await run(url, `create database ${name} template ${template}`);
  }
}

/** Drops a database on every node. */
export async function dropOnNodes(coordinatorUrl: string, name: string): Promise<void> {
  await closeOnNodes(coordinatorUrl, name);
  for (const { url } of await readNodes(coordinatorUrl)) {
    await run(url, `drop database if exists ${name} with (force)`);
  }
}

/** The URLs of a database on the workers. */
export async function workerUrls(coordinatorUrl: string): Promise<string[]> {
  const nodes = await readNodes(coordinatorUrl);
  return nodes.filter(({ isCoordinator }) => !isCoordinator).map(({ url }) => url);
}

interface Node {
  host: string;
  port: number;
  isCoordinator: boolean;
  url: string;
}

/** The nodes, the coordinator first. They are reached with the user and the password of the coordinator. */
async function readNodes(coordinatorUrl: string): Promise<Node[]> {
  const rows = await run<{ host: string; port: number; is_coordinator: boolean }>(
    coordinatorUrl,
    `select nodename as host, nodeport as port, groupid = 0 as is_coordinator
    from pg_dist_node where noderole = 'primary' order by groupid`,
  );
  return rows.map(({ host, port, is_coordinator }) => {
    const url = new URL(coordinatorUrl);
    url.hostname = host;
    url.port = String(port);
    return { host, port, isCoordinator: is_coordinator, url: url.href };
  });
}

/** Runs statements on a connection of their own. Returns the rows of the last one. */
async function run<Row>(url: string, ...statements: string[]): Promise<Row[]> {
  const client = postgres(url, { max: 1, onnotice: () => {} });
  try {
    let rows: unknown;
    for (const statement of statements) rows = await client.unsafe(statement);
    return rows as Row[];
  } finally {
    await client.end();
  }
}
