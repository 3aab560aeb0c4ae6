import { sql } from 'drizzle-orm';
import { customType } from 'drizzle-orm/pg-core';
import { decodeVectorIds, encodeVectorIds, type StoredVectorId } from './runs.ts';

/** A column of vector ids: `string[]` in TypeScript, a JSON array of ids and runs in the database. */
export const vectorIdsColumn = customType<{ data: string[]; driverData: StoredVectorId[] }>({
  dataType: () => 'jsonb',
  // Sent as text, because the drivers disagree on which JavaScript values they turn into JSON.
  toDriver: (ids) => sql`${JSON.stringify(encodeVectorIds(ids))}::text::jsonb`,
  fromDriver: decodeVectorIds,
});
