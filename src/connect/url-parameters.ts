/** The parameters of postgres:// URLs, including those that Prisma, Neon, Supabase, Heroku and RDS write. */
import { type InputPath, InvalidInputError } from '../errors.ts';
import { maxInteger } from '../require.ts';

/** Which hosts of a URL may be used, as in libpq. */
export const targetSessions = [
  'any',
  'read-write',
  'read-only',
  'primary',
  'standby',
  'prefer-standby',
] as const;

export type TargetSession = (typeof targetSessions)[number];

/** What the parameters of a URL say. */
export interface UrlParameters {
  /** Options of postgres.js. */
  driver: {
    max?: number;
    prepare?: boolean;
    idle_timeout?: number;
    max_lifetime?: number;
  };
  /** Settings of the session, which are sent to the server. */
  settings: Record<string, string>;
  /** How long to wait for each host, in seconds; 0 means no limit. */
  connectTimeout: number;
  targetSession: TargetSession;
  /** `sslmode`, `sslrootcert` and so on, from the URL or from libpq's environment variables. */
  ssl: Map<string, string>;
}

/** Parameters that say how to use TLS. `tls.ts` reads them. */
const sslParameters = ['sslmode', 'sslnegotiation', 'sslrootcert', 'sslcert', 'sslkey'];

/** Settings of the server that may be written as parameters. Others go into `options=-c name=value`. */
const serverSettings = new Set([
  'application_name',
  'client_min_messages',
  'default_transaction_isolation',
  'default_transaction_read_only',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
  'lock_timeout',
  'options',
  'role',
  'search_path',
  'statement_timeout',
  'timezone',
  'transaction_timeout',
  'work_mem',
]);

/** Parameters for other clients. It is safe to ignore them. */
const ignored = new Set([
  // libpq. postgres.js has no channel binding and always uses UTF8; DateStyle is always ISO.
  'channel_binding',
  'client_encoding',
  'datestyle',
  'gssencmode',
  'keepalives',
  'keepalives_count',
  'keepalives_idle',
  'keepalives_interval',
  'load_balance_hosts',
  'tcp_user_timeout',
  // Prisma
  'max_connection_lifetime',
  'max_idle_connection_lifetime',
  'single_use_connections',
  'socket_timeout',
  'statement_cache_size',
  // node-postgres, Supabase's integration with Vercel
  'supa',
  'uselibpqcompat',
  'workaround',
]);

/**
 * Reads the parameters of a URL.
 *
 * Only the server's settings go into `settings`, which the driver sends. An unknown parameter is an error: it could be a
 * misspelled `sslmode`, and the connection would be less secure than the URL says.
 *
 * @throws {InvalidInputError} A parameter is unknown or has a value that is not valid. The error names the parameter
 *   and does not repeat the value.
 */
export function readUrlParameters(
  parameters: ReadonlyMap<string, string>,
  path: InputPath,
): UrlParameters {
  const result: UrlParameters = {
    driver: {},
    settings: {},
    connectTimeout: 30,
    targetSession: targetSession(process.env['PGTARGETSESSIONATTRS'] || 'any', path),
    ssl: sslFromEnvironment(),
  };
  for (const [name, value] of parameters) {
    const read = readers[name];
    if (read !== undefined) read(result, value, path);
    else if (sslParameters.includes(name)) result.ssl.set(name, value);
    else if (serverSettings.has(name.toLowerCase()) || /^\w+\.\w+$/.test(name))
      result.settings[name] = value;
    else if (!ignored.has(name.toLowerCase())) throw unknownParameter(name, path);
  }
  usePrismaSchema(parameters, result);
  return result;
}

type Reader = (result: UrlParameters, value: string, path: InputPath) => void;

/** The parameters that change how we connect. */
const readers: Record<string, Reader> = {
  max: (result, value, path) => {
    result.driver.max = integer('max', value, path, { min: 1, max: 999_999 });
  },
  connection_limit: (result, value, path) => {
    result.driver.max ??= integer('connection_limit', value, path, { min: 1, max: 999_999 });
  },
  idle_timeout: (result, value, path) => {
    result.driver.idle_timeout = integer('idle_timeout', value, path, { min: 0 });
  },
  max_lifetime: (result, value, path) => {
    result.driver.max_lifetime = integer('max_lifetime', value, path, { min: 0 });
  },
  connect_timeout: (result, value, path) => {
    result.connectTimeout = integer('connect_timeout', value, path, { min: 0 });
  },
  // Checked and then ignored, because postgres.js waits for a free connection without a limit.
  pool_timeout: (_, value, path) => {
    integer('pool_timeout', value, path, { min: 0 });
  },
  prepare: (result, value, path) => {
    result.driver.prepare = boolean('prepare', value, path);
  },
  pgbouncer: (result, value, path) => {
    if (boolean('pgbouncer', value, path)) result.driver.prepare ??= false;
  },
  target_session_attrs: (result, value, path) => {
    result.targetSession = targetSession(value, path);
  },
  fallback_application_name: (result, value) => {
    result.settings['application_name'] ??= value;
  },
  // Written for node-postgres, postgres.js and JDBC, where `true` verifies the server.
  ssl: (result, value) => {
    const modes: Record<string, string> = { true: 'verify-full', false: 'disable' };
    if (!result.ssl.has('sslmode')) result.ssl.set('sslmode', modes[value] ?? value);
  },
  schema: () => {},
};

/**
 * Prisma's `schema` becomes the search_path.
 *
 * With `pgbouncer=true`, `schema=public` is ignored: it is the default, and PgBouncer refuses connections that set a
 * search_path.
 */
function usePrismaSchema(parameters: ReadonlyMap<string, string>, result: UrlParameters): void {
  const schema = parameters.get('schema');
  if (!schema || (schema === 'public' && parameters.get('pgbouncer') === 'true')) return;
  result.settings['search_path'] ??= `"${schema.replaceAll('"', '""')}"`;
}

/** Reads the variables that libpq reads: `sslmode` from `PGSSLMODE`, and so on. */
function sslFromEnvironment(): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of sslParameters) {
    const value = process.env[`PG${name.toUpperCase()}`];
    if (value) found.set(name, value);
  }
  return found;
}

function integer(
  name: string,
  value: string,
  path: InputPath,
  { min, max = maxInteger }: { min: number; max?: number },
): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= min && number <= max) return number;
  throw invalidParameter(path, name, `must be an integer from ${min} to ${max}`);
}

function boolean(name: string, value: string, path: InputPath): boolean {
  if (value === 'true' || value === 'false') return value === 'true';
  throw invalidParameter(path, name, 'must be true or false');
}

function targetSession(value: string, path: InputPath): TargetSession {
  const found = targetSessions.find((name) => name === value);
  if (found !== undefined) return found;
  throw invalidParameter(
    path,
    'target_session_attrs',
    `must be one of ${targetSessions.join(', ')}`,
  );
}

/** An error about the value of a parameter. It does not repeat the value. */
export function invalidParameter(path: InputPath, name: string, reason: string): InvalidInputError {
  return new InvalidInputError(path, `the parameter ${name} ${reason}`);
}

function unknownParameter(name: string, path: InputPath): InvalidInputError {
  // Text that does not look like a name may be a part of a password.
  const shown = /^[a-z][a-z_]{1,40}$/i.test(name) ? `"${name}"` : 'whose name is not shown';
  return new InvalidInputError(
    path,
    `has an unknown parameter ${shown}; settings of the server can be given as options=-c name=value`,
  );
}
