const dashed = /^([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})$/i;
const plain = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/i;

/**
 * The id, and for a UUID its other spelling: Qdrant returns with dashes what Python's `uuid4().hex`
 * wrote without, and takes both for the same point.
 */
export function spellings(id: string): string[] {
  if (dashed.test(id)) return [id, id.replace(dashed, '$1$2$3$4$5')];
  if (plain.test(id)) return [id, id.replace(plain, '$1-$2-$3-$4-$5')];
  return [id];
}

/** One text for all spellings of an id, to compare what the ledger and a store say. */
export function canonicalId(id: string): string {
  return dashed.test(id) || plain.test(id) ? id.replaceAll('-', '').toLowerCase() : id;
}
