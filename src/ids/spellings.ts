/**
 * The spellings of a UUID. Qdrant treats all of them as one point and returns lower case with dashes; Python's
 * `uuid4().hex` writes no dashes, Swift and SQL Server write upper case.
 */

const dashed = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const plain = /^[0-9a-f]{32}$/i;
const lowerCase = /^(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** The number of characters of a UUID, without and with dashes. */
export const uuidLengths = [32, 36] as const;

/** One form for all spellings of an id: a UUID in lower case without dashes. Any other id is returned unchanged. */
export function canonicalId(id: string): string {
  return isUuid(id) ? id.replaceAll('-', '').toLowerCase() : id;
}

/** Whether the id is a UUID in any spelling. */
export function isUuid(id: string): boolean {
  if (id.length === 36) return dashed.test(id);
  return id.length === 32 && plain.test(id);
}

/** Whether the id is a UUID in lower case, with or without dashes. */
export function isLowerCaseUuid(id: string): boolean {
  return (id.length === 36 || id.length === 32) && lowerCase.test(id);
}

/** A UUID in lower case with dashes. */
export function dashedUuid(canonical: string): string {
  return [
    canonical.slice(0, 8),
    canonical.slice(8, 12),
    canonical.slice(12, 16),
    canonical.slice(16, 20),
    canonical.slice(20),
  ].join('-');
}
