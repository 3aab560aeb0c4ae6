import { DrizzleQueryError } from 'drizzle-orm/errors';

/** What went wrong, for a caller that switches on a value rather than on a class. */
export type VectorLedgerErrorCode =
  | 'INVALID_INPUT'
  | 'DOCUMENT_NOT_FOUND'
  | 'MIGRATION_FAILED'
  | 'DATABASE_UNAVAILABLE'
  | 'DATABASE_ERROR';

/**
 * Base class of every error this package throws.
 *
 * No error carries the values that were bound to a statement: a page's ids are 40 KB and belong in
 * no log. `cause` is a copy of the driver's error without them.
 */
export class VectorLedgerError extends Error {
  readonly code: VectorLedgerErrorCode;

  constructor(code: VectorLedgerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** Where in the arguments a value stands: `['pages', 3, 'vectorIds', 17]`; positions count from 0. */
export type InputPath = readonly (string | number)[];

/** An argument is not what the function takes. Nothing was written, but for the chunks of a stream before it. */
export class InvalidInputError extends VectorLedgerError {
  /** The argument and the position in it; empty for all of what was given. */
  readonly path: InputPath;
  /** Why the value was refused, without the value. */
  readonly reason: string;

  constructor(path: InputPath, reason: string, options?: ErrorOptions) {
    super('INVALID_INPUT', path.length === 0 ? reason : `${formatPath(path)}: ${reason}`, options);
    this.path = path;
    this.reason = reason;
  }
}

/**
 * A page was given for a document that `documents` does not hold. Nothing was written, but for the chunks of a
 * stream before it.
 */
export class DocumentNotFoundError extends VectorLedgerError {
  readonly docId: number;
  /** The argument that named the document, and the position in it. */
  readonly path: InputPath;

  constructor(docId: number, path: InputPath, options?: ErrorOptions) {
    super('DOCUMENT_NOT_FOUND', `${formatPath(path)}: there is no document ${docId}`, options);
    this.docId = docId;
    this.path = path;
  }
}

/** A migration failed or has not been run; the database is as it was before. */
export class MigrationError extends VectorLedgerError {
  /** The migration that failed, as named in `drizzle/meta/_journal.json`. */
  readonly tag: string | undefined;
  /** What PostgreSQL says can be done about it. */
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

/** The database cannot be reached, refuses the connection, or ended it. */
export class DatabaseUnavailableError extends VectorLedgerError {
  constructor(message: string, options?: ErrorOptions) {
    super('DATABASE_UNAVAILABLE', message, options);
  }
}

/** PostgreSQL refused a statement for a reason that has no class of its own. */
export class DatabaseError extends VectorLedgerError {
  /**
   * PostgreSQL's five-character error code. `40001` (serialization failure) and `40P01` (deadlock) ask
   * for the transaction to be tried again.
   */
  readonly sqlState: string;

  constructor(sqlState: string, message: string, options?: ErrorOptions) {
    super('DATABASE_ERROR', message, options);
    this.sqlState = sqlState;
  }
}

/** `['pages', 3, 'docId']` as it is written in code: `pages[3].docId`. */
function formatPath(path: InputPath): string {
  return path
    .map((step, index) => {
      if (typeof step === 'number') return `[${step}]`;
      return index === 0 ? step : `.${step}`;
    })
    .join('');
}

const sqlStates = {
  foreignKeyViolation: '23503',
  deadlockDetected: '40P01',
  undefinedFunction: '42883',
  undefinedTable: '42P01',
  undefinedColumn: '42703',
  tooManyConnections: '53300',
  lockNotAvailable: '55P03',
} as const;

/** What a statement of this package meets where migrations have not been run. */
const missingObjects = new Set<string>([
  sqlStates.undefinedTable,
  sqlStates.undefinedColumn,
  sqlStates.undefinedFunction,
]);

/** Classes of SQLSTATE (first two characters, or more) that mean: no usable connection. */
const unavailableSqlStates = ['08', '28', '3D', '57P', sqlStates.tooManyConnections];

/** Codes of Node's sockets and of postgres.js that mean the same. */
const unavailableCodes = new Set([
  'EACCES',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENOENT',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  'CONNECT_TIMEOUT',
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'CONNECTION_ENDED',
]);

/** The fields of a driver's error that say what happened and hold no bound value. */
interface DriverError extends Error {
  code: string;
  severity?: string;
  hint?: string;
  schema?: string;
  table?: string;
  column?: string;
  constraint?: string;
}

/**
 * The driver's own error, without the statement's parameters.
 *
 * postgres.js, node-postgres, PGlite and Drizzle each keep the parameters somewhere on their errors
 * (PostgreSQL's `detail` quotes the failing row), so the fields wanted are copied, not the rest removed.
 */
function driverErrorOf(error: unknown): DriverError | undefined {
  const source: unknown = error instanceof DrizzleQueryError ? error.cause : error;
  if (!(source instanceof Error) || !('code' in source) || typeof source.code !== 'string') {
    return undefined;
  }
  const fields = source as Error & Record<string, unknown>;
  const copy = new Error(source.message) as DriverError;
  copy.name = source.name;
  if (source.stack !== undefined) copy.stack = source.stack;
  copy.code = source.code;
  for (const name of ['severity', 'hint', 'schema', 'table', 'column', 'constraint'] as const) {
    // postgres.js spells three of them with a suffix: constraint_name, table_name, schema_name.
    const value = fields[name] ?? fields[`${name}_name`];
    if (typeof value === 'string') copy[name] = value;
  }
  return copy;
}

/** Whether the statement failed because a row it refers to does not exist. */
export function isForeignKeyViolation(error: unknown): boolean {
  return driverErrorOf(error)?.code === sqlStates.foreignKeyViolation;
}

/** Whether PostgreSQL ended the statement to resolve a deadlock; tried again, it will likely succeed. */
export function isDeadlock(error: unknown): boolean {
  return driverErrorOf(error)?.code === sqlStates.deadlockDetected;
}

/**
 * PostgreSQL's message and hint for a migration that failed.
 *
 * @param what - What failed, as the message begins: `Migration 0001_jsonb_ledger`.
 */
export function toMigrationError(error: unknown, what: string, tag: string | undefined): unknown {
  const mapped = toLedgerError(error);
  if (!(mapped instanceof DatabaseError) && !(mapped instanceof MigrationError)) return mapped;
  const cause = mapped.cause as DriverError;
  const hint = cause.code === sqlStates.lockNotAvailable ? busyHint : cause.hint;
  const message = `${what} failed and nothing was changed: ${cause.message}`;
  return new MigrationError(
    hint === undefined ? message : `${message}\nHint: ${hint}`,
    { tag, hint },
    { cause },
  );
}

const busyHint =
  'Another session uses one of the tables and did not let go of it in time (lock_timeout). ' +
  "End it or wait for it, then try again; to see it: select pid, state, xact_start, query from pg_stat_activity where state <> 'idle' order by xact_start;";

/**
 * Carries what a function of the caller's threw past `toLedgerError`: a vector store that refuses the
 * connection fails with the same code as a database that does.
 */
class CallerError {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

/** Runs a function of the caller's; what it throws reaches the caller as it is. */
export async function asCaller<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new CallerError(error);
  }
}

/** Goes through an iterable of the caller's; what it throws reaches the caller as it is. */
export async function* itemsOfCaller<T>(items: Iterable<T> | AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* items;
  } catch (error) {
    throw new CallerError(error);
  }
}

/**
 * The one place where a driver's error becomes one of this package's.
 *
 * An error that no database gave (the caller's own, a bug) comes back as it is.
 */
export function toLedgerError(error: unknown): unknown {
  if (error instanceof CallerError) return error.error;
  if (error instanceof VectorLedgerError) return error;
  const cause = driverErrorOf(error);
  if (cause === undefined) {
    // Drizzle's own wrapper must not pass, its message holds the values. The server's errors have a
    // code; a driver's error without one is about the connection: closed, timed out, none free.
    const inner =
      error instanceof DrizzleQueryError ? (error.cause ?? new Error('unknown')) : error;
    return inner !== error && inner instanceof Error && inner.name === 'Error'
      ? unavailable(inner.message, inner)
      : inner;
  }
  if (
    unavailableCodes.has(cause.code) ||
    unavailableSqlStates.some((start) => cause.code.startsWith(start))
  ) {
    return unavailable(cause.message || cause.code, cause);
  }
  if (missingObjects.has(cause.code)) {
    const message = `The ledger's tables are missing or not up to date (${cause.message}): run the migrations`;
    return new MigrationError(message, { hint: cause.hint }, { cause });
  }
  if (!/^[0-9A-Z]{5}$/.test(cause.code)) {
    return error instanceof DrizzleQueryError ? error.cause : error;
  }
  return new DatabaseError(cause.code, `PostgreSQL refused the statement: ${cause.message}`, {
    cause,
  });
}

function unavailable(reason: string, cause: Error): DatabaseUnavailableError {
  return new DatabaseUnavailableError(`The database is not available: ${reason}`, { cause });
}

/** Runs `work` and throws what it throws as one of this package's errors. */
export async function withLedgerErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toLedgerError(error);
  }
}
