import type { PGlite, QueryOptions, Transaction } from '@electric-sql/pglite';

export type NoticeListener = NonNullable<QueryOptions['onNotice']>;

/** Wraps a client so that `onNotice` receives the notices of its queries, inside and outside transactions. */
export function listenToNotices(client: PGlite, onNotice: NoticeListener): PGlite {
  return override(client, {
    query: listeningQuery(client, onNotice),
    transaction: (work) =>
      client.transaction((tx) => work(override(tx, { query: listeningQuery(tx, onNotice) }))),
  });
}

function listeningQuery(target: PGlite | Transaction, onNotice: NoticeListener): PGlite['query'] {
  return (query, params, options) => target.query(query, params, { ...options, onNotice });
}

/** Replaces some methods of an object. The other methods still run on the object itself. */
function override<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get(_, name) {
      if (name in methods) return methods[name as keyof T];
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
