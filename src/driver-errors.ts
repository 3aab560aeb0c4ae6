/**
 * Turns the errors of the drivers into the errors of this package. Only this file lists SQLSTATEs; other files use
 * its predicates and `sqlStates`.
 */
import { DrizzleQueryError } from 'drizzle-orm/errors';
import { CallbackError } from './callbacks.ts';
import {
  DatabaseError,
  DatabaseUnavailableError,
  MigrationError,
  VectorLedgerError,
} from './errors.ts';
import { missingFunctionsHint, missingTablesHint } from './missing-objects.ts';

/** The SQLSTATEs that this package tells apart. */
export const sqlStates = {
  outOfRange: '22003',
  foreignKeyViolation: '23503',
  uniqueViolation: '23505',
  deadlockDetected: '40P01',
  insufficientPrivilege: '42501',
  undefinedFunction: '42883',
  undefinedTable: '42P01',
  undefinedColumn: '42703',
  tooManyConnections: '53300',
  lockNotAvailable: '55P03',
} as const;

/** The SQLSTATEs with which our statements fail if the migrations have not been run: what is missing, and the hint. */
const missingObjects = new Map<string, { what: string; hint: string }>([
  [sqlStates.undefinedTable, { what: 'tables', hint: missingTablesHint }],
  [sqlStates.undefinedColumn, { what: 'tables', hint: missingTablesHint }],
  [sqlStates.undefinedFunction, { what: 'functions', hint: missingFunctionsHint }],
]);

/** Prefixes of the SQLSTATEs that mean: no usable connection. */
const unavailableSqlStates = ['08', '28', '3D', '57P', sqlStates.tooManyConnections];

/** The codes of Node and of the drivers that mean no usable connection: failures of the network, TLS or the pool. */
const unavailableCodes = new RegExp(
  `^(?:${[
    // Node's sockets, name resolution and processes
    'E(?:ACCES|ADDRINUSE|ADDRNOTAVAIL|CANCELLED|CONNABORTED|CONNREFUSED|CONNRESET|DESTADDRREQ)',
    'E(?:HOSTDOWN|HOSTUNREACH|MFILE|NETDOWN|NETRESET|NETUNREACH|NFILE|NOENT|NOTCONN|PIPE|PROTO|TIMEDOUT)',
    'E(?:AI_\\w+|NODATA|NONAME|NOTFOUND|NOTIMP|REFUSED|SERVFAIL|TIMEOUT)',
    'ERR_SOCKET_\\w+|ERR_STREAM_(?:DESTROYED|PREMATURE_CLOSE|WRITE_AFTER_END)',
    // TLS, and OpenSSL's reasons to reject a certificate
    'ERR_(?:TLS|SSL|OSSL)_\\w+',
    'CERT_\\w+|CRL_\\w+|ERROR_IN_C\\w+|UNABLE_TO_\\w+|(?:DEPTH_ZERO_)?SELF_SIGNED_CERT\\w*',
    'HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED',
    // postgres.js, Bun and src/connect/
    'CONNECT_TIMEOUT|CONNECTION_\\w+|SASL_\\w+|TLS_NOT_OFFERED|PROTOCOL_VIOLATION',
    'ERR_POSTGRES_(?:CONNECTION|TLS|AUTHENTICATION|IDLE|LIFETIME)_\\w+',
  ].join('|')})$`,
);

/** The fields of a driver's error that contain no bound values. */
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
 * Copies the driver's error without the statement's parameters; undefined if no driver threw it.
 *
 * Every driver keeps the parameters in a different place, and PostgreSQL's `detail` quotes the failing
 * row. So we copy the safe fields instead of removing the unsafe ones.
 */
function driverErrorOf(error: unknown): DriverError | undefined {
  const source: unknown = error instanceof DrizzleQueryError ? error.cause : error;
  if (!(source instanceof Error)) return undefined;
  const fields = source as Error & Record<string, unknown>;
  // Bun puts the SQLSTATE into `errno`. Its `code` is the same for all errors of the server.
  const code = isSqlState(fields['errno']) ? fields['errno'] : fields['code'];
  if (typeof code !== 'string') return undefined;
  const copy = new Error(source.message) as DriverError;
  copy.name = source.name;
  if (source.stack !== undefined) copy.stack = source.stack;
  copy.code = code;
  for (const name of ['severity', 'hint', 'schema', 'table', 'column', 'constraint'] as const) {
    // postgres.js adds a suffix to three of them: constraint_name, table_name, schema_name.
    const value = fields[name] ?? fields[`${name}_name`];
    if (typeof value === 'string') copy[name] = value;
  }
  return copy;
}

/** Whether a code is a SQLSTATE. None begins with E; codes of Node, such as EPIPE, do. */
function isSqlState(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9A-DF-Z][0-9A-Z]{4}$/.test(value);
}

/** Whether the statement failed because a row that it refers to does not exist. */
export function isForeignKeyViolation(error: unknown): boolean {
  return driverErrorOf(error)?.code === sqlStates.foreignKeyViolation;
}

/** Whether PostgreSQL cancelled the statement to resolve a deadlock. A retry usually succeeds. */
export function isDeadlock(error: unknown): boolean {
  return driverErrorOf(error)?.code === sqlStates.deadlockDetected;
}

/** Whether the statement failed because it waited for a lock for longer than `lock_timeout`. */
export function isLockTimeout(error: unknown): boolean {
  return driverErrorOf(error)?.code === sqlStates.lockNotAvailable;
}

/** Whether the statement failed because another row has the same key. */
export function isUniqueViolation(error: unknown): boolean {
  return driverErrorOf(error)?.code === sqlStates.uniqueViolation;
}

/** Turns a driver's error into one of this package's errors. Other errors are returned unchanged. */
export function toLedgerError(error: unknown): unknown {
  if (error instanceof CallbackError) return error.error;
  if (error instanceof VectorLedgerError) return error;
  const cause = driverErrorOf(error);
  if (cause === undefined) return withoutCode(error);
  if (meansUnavailable(cause.code) || endsConnection(cause))
    return unavailable(cause.message || cause.code, cause);
  const missing = missingObjects.get(cause.code);
  if (missing !== undefined) {
    const { what, hint } = missing;
    // Not PostgreSQL's own hint, which is about type casts and misspelled names.
    const message = `The ledger's ${what} are missing or out of date (${cause.message}).\nHint: ${hint}`;
    return new MigrationError(message, { hint }, { cause });
  }
  if (!isSqlState(cause.code)) {
    return error instanceof DrizzleQueryError ? error.cause : error;
  }
  return new DatabaseError(cause.code, `PostgreSQL rejected the statement: ${cause.message}`, {
    cause,
  });
}

function meansUnavailable(code: string): boolean {
  return isSqlState(code)
    ? unavailableSqlStates.some((prefix) => code.startsWith(prefix))
    : unavailableCodes.test(code);
}

/** Whether a statement failed because the server or the network closed its connection. */
export function endsConnection(error: unknown): boolean {
  const { severity, code = '' } = driverErrorOf(error) ?? {};
  return (
    severity === 'FATAL' ||
    severity === 'PANIC' ||
    (!isSqlState(code) && unavailableCodes.test(code))
  );
}

/** Maps an error without a code. The server's errors have codes, so this is a connection problem or a bug. */
function withoutCode(error: unknown): unknown {
  // Never expose Drizzle's wrapper: its message contains the bound values.
  if (!(error instanceof DrizzleQueryError)) return error;
  const inner = error.cause ?? new Error('unknown');
  return inner instanceof Error && inner.name === 'Error'
    ? unavailable(inner.message, inner)
    : inner;
}

/**
 * Maps an error that a driver threw at the beginning or the end of a transaction, or when it lost the connection.
 * Drizzle wraps those of `begin`, `commit`, `rollback` and savepoints on some drivers. Those of node-postgres's pool
 * have no code ("timeout exceeded when trying to connect").
 */
export function toTransactionError(error: unknown): unknown {
  const source: unknown = error instanceof DrizzleQueryError ? error.cause : error;
  const isPlain = source instanceof Error && source.name === 'Error' && !('code' in source);
  return isPlain ? unavailable(source.message, source) : error;
}

function unavailable(reason: string, cause: Error): DatabaseUnavailableError {
  return new DatabaseUnavailableError(`The database is not available: ${reason}`, { cause });
}

/** Runs `work` and throws its errors as this package's errors. */
export async function withLedgerErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toLedgerError(error);
  }
}

/** Wraps each function in `withLedgerErrors`. */
export function withLedgerErrorsEverywhere<
  Functions extends Record<keyof Functions, (...args: never[]) => Promise<unknown>>,
>(functions: Functions): Functions {
  const entries = Object.entries<(...args: never[]) => Promise<unknown>>(functions);
  return Object.fromEntries(
    entries.map(([name, run]) => [
      name,
      (...args: never[]) => withLedgerErrors(() => run(...args)),
    ]),
  ) as Functions;
}

/**
 * Turns the error of a failed migration into a `MigrationError` with PostgreSQL's message and hint.
 *
 * @param what - What failed. The message begins with it: `Migration 0001_jsonb_ledger`.
 */
export function toMigrationError(error: unknown, what: string, tag: string | undefined): unknown {
  const mapped = toLedgerError(error);
  if (mapped === error) return error;
  if (!(mapped instanceof DatabaseError) && !(mapped instanceof MigrationError)) return mapped;
  const cause = mapped.cause as DriverError;
  const hint = cause.code === sqlStates.lockNotAvailable ? busyHint : cause.hint;
  const message = `${what} failed and changed nothing: ${cause.message}`;
  return new MigrationError(
    hint === undefined ? message : `${message}\nHint: ${hint}`,
    { tag, hint },
    { cause },
  );
}

const busyHint =
  'Another session is using one of the tables and did not finish in time (lock_timeout). ' +
  'Wait for it or end it, then try again. To find it, run: ' +
  "select pid, state, xact_start, query from pg_stat_activity where state <> 'idle' order by xact_start;";
