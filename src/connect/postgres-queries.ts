import type { PendingQuery, Row, Sql } from 'postgres';

/** A statement of postgres.js, which settles itself through these methods. They are not part of its types. */
interface Query {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/**
 * Removes the holes from results of `client.unsafe`, through which Drizzle sends its statements.
 *
 * When a statement fails after it returned some rows, the next result on that connection of postgres.js 3.4 begins with
 * a hole for each of these rows (porsager/postgres#1181).
 */
export function removeHolesFromResults(client: Pick<Sql, 'unsafe'>): void {
  const { unsafe } = client;
  client.unsafe = ((...statement: Parameters<typeof unsafe>) => {
    const query = unsafe(...statement);
    const { resolve } = internals(query);
    internals(query).resolve = (result) => {
      removeHoles(result);
      resolve(result);
    };
    return query;
  }) as typeof unsafe;
}

/** Calls `listener` with the error of a query before the query rejects. Does not start the query. */
export function onRejected<Result extends readonly (Row | undefined)[]>(
  query: PendingQuery<Result & Row[]>,
  listener: (error: unknown) => void,
): PendingQuery<Result & Row[]> {
  const { reject } = internals(query);
  internals(query).reject = (error) => {
    listener(error);
    reject(error);
  };
  return query;
}

function internals(query: unknown): Query {
  return query as Query;
}

/** A text with several statements returns several results. Only the first of them can have holes. */
function removeHoles(result: unknown): void {
  if (!Array.isArray(result)) return;
  const rows: unknown = 'command' in result ? result : result[0];
  if (!Array.isArray(rows)) return;
  const first = rows.findIndex((_, index) => index in rows);
  if (first > 0) rows.splice(0, first);
}
