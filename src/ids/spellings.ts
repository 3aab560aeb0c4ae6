/**
 * The spellings of a UUID. Qdrant treats all of them as one point and returns lower case with dashes;
 * Python's `uuid4().hex` writes no dashes, Swift and SQL Server write upper case.
 */

const dashed = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const undashed = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/i;

/**
 * The other spellings of a UUID: with and without dashes, in the given case, in lower and in upper case.
 * Any other id has none.
 */
export function otherSpellings(id: string): string[] {
  if (!isUuid(id)) return [];
  const plain = id.replaceAll('-', '');
  const bothForms = [id, plain, plain.replace(undashed, '$1-$2-$3-$4-$5')];
  const spellings = new Set(
    bothForms.flatMap((uuid) => [uuid, uuid.toLowerCase(), uuid.toUpperCase()]),
  );
  spellings.delete(id);
  return [...spellings];
}

/** One form for all spellings of an id, to compare the ids of the ledger with those of a store. */
export function canonicalId(id: string): string {
  return isUuid(id) ? id.replaceAll('-', '').toLowerCase() : id;
}

/** Whether the id is a UUID with upper-case and lower-case digits. */
export function isMixedCaseUuid(id: string): boolean {
  const hasUuidLength = id.length === 32 || id.length === 36;
  return hasUuidLength && /[A-F]/.test(id) && /[a-f]/.test(id) && isUuid(id);
}

function isUuid(id: string): boolean {
  return dashed.test(id) || undashed.test(id);
}
