import { sql } from 'drizzle-orm';
import { customType } from 'drizzle-orm/pg-core';
import { decodeVectorIds, encodeVectorIds, type StoredVectorId } from './codec.ts';

/** A column of vector ids: `string[]` in TypeScript, a JSON array of ids, runs and packs in the database. */
export const vectorIdsColumn = customType<{
  data: string[];
  driverData: StoredVectorId[] | string;
}>({
  dataType: () => 'jsonb',
  // Sent as text, because the drivers disagree on which JavaScript values they turn into JSON.
  toDriver: (ids) => sql`${JSON.stringify(encodeVectorIds(ids))}::text::jsonb`,
  fromDriver: (stored) => decodeVectorIds(readStored(stored)),
});

/** Reads what a driver returned: text if its JSON parser is off, keys like `Prefix` under `postgres.pascal`. */
function readStored(value: StoredVectorId[] | string): StoredVectorId[] {
  const stored: StoredVectorId[] = typeof value === 'string' ? JSON.parse(value) : value;
  const first = stored.find((element) => typeof element !== 'string');
  if (first === undefined || 'prefix' in first || 'uuids' in first) return stored;
  return stored.map((element) =>
    typeof element === 'string' ? element : withLowerCaseKeys(element),
  );
}

function withLowerCaseKeys(element: object): StoredVectorId {
  const entries = Object.entries(element).map(([key, value]) => [key.toLowerCase(), value]);
  return Object.fromEntries(entries);
}
