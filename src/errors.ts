import type { DocumentId } from './document-id.ts';

/** What went wrong, for callers that switch on a value instead of a class. */
export type VectorLedgerErrorCode =
  | 'INVALID_INPUT'
  | 'DOCUMENT_NOT_FOUND'
  | 'MIGRATION_FAILED'
  | 'DATABASE_UNAVAILABLE'
  | 'DATABASE_ERROR'
  | 'INGEST_FAILED'
  | 'PURGE_FAILED'
  | 'AUDIT_REFUSED';

/**
 * Base class of every error that this package throws.
 *
 * No error contains values that were bound to a statement: the ids of one page are 40 KB and do not
 * belong in a log. `cause` is a copy of the driver's error without them.
 */
export class VectorLedgerError extends Error {
  readonly code: VectorLedgerErrorCode;

  constructor(code: VectorLedgerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** The path to a value in the arguments: `['pages', 3, 'vectorIds', 17]`. Positions count from 0. */
export type InputPath = readonly (string | number)[];

/**
 * An argument is not valid. Nothing was written, except the earlier chunks if the pages came from a
 * stream.
 */
export class InvalidInputError extends VectorLedgerError {
  /** The path to the invalid value; empty if it is the whole input. */
  readonly path: InputPath;
  /** What is wrong, without the path. */
  readonly reason: string;

  constructor(path: InputPath, reason: string, options?: ErrorOptions) {
    super('INVALID_INPUT', path.length === 0 ? reason : `${formatPath(path)}: ${reason}`, options);
    this.path = path;
    this.reason = reason;
  }
}

/**
 * A page names a document that is not in `documents`. Nothing was written, except the earlier chunks
 * if the pages came from a stream.
 */
export class DocumentNotFoundError extends VectorLedgerError {
  readonly docId: DocumentId;
  /** The path to the document id in the arguments. */
  readonly path: InputPath;

  constructor(docId: DocumentId, path: InputPath, options?: ErrorOptions) {
    const name = formatDocId(docId);
    super('DOCUMENT_NOT_FOUND', `${formatPath(path)}: there is no document ${name}`, options);
    this.docId = docId;
    this.path = path;
  }
}

/** A migration failed or has not been run. The failed migration changed nothing. */
export class MigrationError extends VectorLedgerError {
  /** The migration that failed, as named in `drizzle/meta/_journal.json`. */
  readonly tag: string | undefined;
  /** What to do about it. */
  readonly hint: string | undefined;

  constructor(
    message: string,
    details: { tag?: string | undefined; hint?: string | undefined } = {},
    options?: ErrorOptions,
  ) {
    super('MIGRATION_FAILED', message, options);
    this.tag = details.tag;
    this.hint = details.hint;
  }
}

/** The database cannot be reached, refused the connection, or closed it. */
export class DatabaseUnavailableError extends VectorLedgerError {
  constructor(message: string, options?: ErrorOptions) {
    super('DATABASE_UNAVAILABLE', message, options);
  }
}

/** PostgreSQL rejected a statement, for a reason that no other class of this package describes. */
export class DatabaseError extends VectorLedgerError {
  /**
   * PostgreSQL's five-character error code. After `40001` (serialization failure) and `40P01`
   * (deadlock), run the transaction again.
   */
  readonly sqlState: string;

  constructor(sqlState: string, message: string, options?: ErrorOptions) {
    super('DATABASE_ERROR', message, options);
    this.sqlState = sqlState;
  }
}

/** `writeVectors` failed. The pages that it was given stay pending; `cause` is its error. */
export class IngestError extends VectorLedgerError {
  /** The pages that stay pending. */
  readonly pages: readonly { docId: DocumentId; page: number }[];

  constructor(pages: readonly { docId: DocumentId; page: number }[], options?: ErrorOptions) {
    const keys = pages.map(({ docId, page }) => ({ docId, page }));
    const names = keys.map(({ docId, page }) => `page ${page} of document ${formatDocId(docId)}`);
    super(
      'INGEST_FAILED',
      `The vectors were not written: ${shorten(names)}. Pages stay pending.`,
      options,
    );
    this.pages = keys;
  }
}

/**
 * `deleteVectors` failed for some documents. Their ids stay queued, and later purges try again. All other
 * ids that were due have been handled, unless 20 calls in a row failed or the purge reached `limit` or `deadlineMs`.
 * `cause` is the first error.
 */
export class PurgeError extends VectorLedgerError {
  /** The documents that failed; null for ids whose document is unknown. */
  readonly documents: readonly (DocumentId | null)[];
  /** What the purge did. */
  readonly deleted: number;
  readonly spared: number;
  readonly repaired: number;

  constructor(
    documents: readonly (DocumentId | null)[],
    done: { deleted: number; spared: number; repaired: number },
    options?: ErrorOptions,
  ) {
    const names = documents.map((docId) =>
      docId === null ? '(ids without a document)' : formatDocId(docId),
    );
    super('PURGE_FAILED', `deleteVectors failed for documents ${shorten(names)}`, options);
    this.documents = documents;
    this.deleted = done.deleted;
    this.spared = done.spared;
    this.repaired = done.repaired;
  }
}

/**
 * An audit refused to queue the untracked ids. They were too many, or a distributed ledger cannot queue some of them. It
 * queued nothing.
 */
export class AuditError extends VectorLedgerError {
  /** How many ids the store listed. */
  readonly stored: number;
  /** How many of them are untracked. */
  readonly untracked: number;
  /** Some of the untracked ids. */
  readonly sample: readonly string[];

  constructor(
    message: string,
    { stored, untracked, sample }: { stored: number; untracked: number; sample: readonly string[] },
  ) {
    super('AUDIT_REFUSED', message);
    this.stored = stored;
    this.untracked = untracked;
    this.sample = sample;
  }
}

/** Formats a document's id for a message. A string is quoted and cut after 100 characters. */
export function formatDocId(docId: DocumentId): string {
  return typeof docId === 'string' ? JSON.stringify(docId.slice(0, 100)) : String(docId);
}

/** The first ten items as text. */
function shorten(items: readonly string[]): string {
  const more = items.length > 10 ? `, and ${items.length - 10} more` : '';
  return items.slice(0, 10).join(', ') + more;
}

/** Formats `['pages', 3, 'docId']` as code: `pages[3].docId`. */
function formatPath(path: InputPath): string {
  return path
    .map((step, index) => {
      if (typeof step === 'number') return `[${step}]`;
      return index === 0 ? step : `.${step}`;
    })
    .join('');
}
