const dashed = /^([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})$/i;
const plain = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/i;

/**
 * The id, and for a UUID its other spellings: with and without dashes, as it is, in lower and in upper
 * case.
 *
 * Qdrant takes them all for the same point and returns lower case with dashes, where Python's
 * `uuid4().hex` writes none and Swift and SQL Server write upper case.
 */
export function spellings(id: string): string[] {
  if (!isUuid(id)) return [id];
  const without = id.replaceAll('-', '');
  const both = [id, without, without.replace(plain, '$1-$2-$3-$4-$5')];
  return [...new Set(both.flatMap((uuid) => [uuid, uuid.toLowerCase(), uuid.toUpperCase()]))];
}

/** One text for all spellings of an id, to compare what the ledger and a store say. */
export function canonicalId(id: string): string {
  return isUuid(id) ? id.replaceAll('-', '').toLowerCase() : id;
}

function isUuid(id: string): boolean {
  return dashed.test(id) || plain.test(id);
}
