import { resolve } from 'node:path';
import type { PGlite, QueryOptions, Transaction } from '@electric-sql/pglite';
import { DatabaseUnavailableError } from '../errors.ts';
import { once } from '../once.ts';

/** A PGlite in use; `release` closes it when nobody else in this process uses it. */
export interface SharedPGlite {
  client: PGlite;
  release(): Promise<void>;
}

/** The embedded databases that this process has open, by absolute path. */
const open = new Map<string, { client: Promise<PGlite>; users: number }>();

/** Those that are being closed: their files are not free before that is done. */
const closing = new Map<string, Promise<void>>();

/**
 * One PGlite a directory, shared by all who ask for it in this process: two on the same files destroy
 * them, and nothing in PGlite keeps them apart. Other processes are not kept out.
 *
 * @throws {DatabaseUnavailableError} `@electric-sql/pglite` is not installed, or cannot open the directory.
 */
export async function sharePGlite(directory: string): Promise<SharedPGlite> {
  if (directory.startsWith('memory://')) {
    const client = await startPGlite(directory);
    return { client, release: () => client.close() };
  }

  const path = resolve(directory);
  let entry = open.get(path);
  if (entry === undefined) {
    const freed = closing.get(path) ?? Promise.resolve();
    entry = { client: freed.then(() => startPGlite(path)), users: 0 };
    open.set(path, entry);
  }
  const shared = entry;
  shared.users += 1;

  try {
    // A second call waits for the first one's end and does nothing.
    return { client: await shared.client, release: once(() => leave(path, shared)) };
  } catch (error) {
    open.delete(path);
    throw error;
  }
}

async function leave(
  path: string,
  entry: { client: Promise<PGlite>; users: number },
): Promise<void> {
  entry.users -= 1;
  if (entry.users > 0) return;
  open.delete(path);
  const closed = entry.client.then((client) => client.close());
  closing.set(path, closed);
  await closed.finally(() => closing.delete(path));
}

async function startPGlite(dataDirectory: string): Promise<PGlite> {
  const { PGlite } = await import('@electric-sql/pglite').catch((cause: unknown) => {
    throw new DatabaseUnavailableError(
      'The embedded database needs the package @electric-sql/pglite: install it, or set DATABASE_URL to a postgres:// URL',
      { cause },
    );
  });
  return PGlite.create(dataDirectory).catch((cause: unknown) => {
    const { message, errno } = Object(cause);
    throw new DatabaseUnavailableError(
      `The embedded database cannot be opened in ${dataDirectory}: ${message ?? `errno ${errno}`}`,
      { cause },
    );
  });
}

type NoticeListener = NonNullable<QueryOptions['onNotice']>;

/** The same client; the notices of its queries, and of those in its transactions, reach `onNotice`. */
export function listenToNotices(client: PGlite, onNotice: NoticeListener): PGlite {
  const query: PGlite['query'] = listeningQuery(client, onNotice);
  const transaction: PGlite['transaction'] = (work) =>
    client.transaction((tx) => work(override(tx, { query: listeningQuery(tx, onNotice) })));
  return override(client, { query, transaction });
}

function listeningQuery(target: PGlite | Transaction, onNotice: NoticeListener): PGlite['query'] {
  return (query, params, options) => target.query(query, params, { ...options, onNotice });
}

/** The object with some of its methods replaced; the others still run on the object itself. */
function override<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get(_, name) {
      if (name in methods) return methods[name as keyof T];
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
