/** Reads postgres:// URLs. No error repeats a part of the URL, because each part may contain a password. */
import { type InputPath, InvalidInputError } from '../errors.ts';

/** Where a server listens. A host that begins with `/` is the folder of a Unix socket. */
export interface ServerAddress {
  host: string;
  port: number;
}

/** A server, as a postgres:// URL names it. */
export interface ServerUrl {
  /** One or more. The first that accepts a connection is used. */
  addresses: ServerAddress[];
  user: string | undefined;
  password: string | undefined;
  database: string | undefined;
  /** The other parameters after the `?`. */
  parameters: Map<string, string>;
}

/**
 * Splits a URL such as `postgres://user:password@host-1:5432,host-2/database?sslmode=require`.
 *
 * As in libpq, the last `@` ends the password, and the parameters may also name the user, the password, the hosts,
 * the ports and the database.
 *
 * @param path - Where the caller's arguments contain the URL, for the error.
 * @throws {InvalidInputError} The URL is not valid.
 */
export function parseServerUrl(url: string, path: InputPath): ServerUrl {
  const parts = /^[a-z]+:\/\/(?:([^/?#]*)@)?([^/?#@]*)(?:\/([^/?#@]*))?(?:\?([^#]*))?$/i.exec(url);
  const [, login, hosts = '', database = '', query = ''] = parts ?? [];
  // Without a login, an @ in the query probably belongs to a password that contains a question mark.
  if (parts === null || (login === undefined && query.includes('@'))) throw notValid(path);
  const parameters = new Map(new URLSearchParams(query));
  const take = (name: string) => {
    const value = parameters.get(name);
    parameters.delete(name);
    return value || undefined;
  };
  const [, user = '', password = ''] = /^([^:]*):?(.*)$/.exec(login ?? '') ?? [];
  return {
    addresses: parseAddresses(
      take('host') ?? (decode(hosts, path) || process.env['PGHOST'] || 'localhost'),
      take('port') ?? (process.env['PGPORT'] || '5432'),
      path,
    ),
    user: take('user') ?? (decode(user, path) || undefined),
    password: take('password') ?? (decode(password, path) || undefined),
    database: take('dbname') ?? (decode(database, path) || undefined),
    parameters,
  };
}

/** The URL without its user, password and parameters: `postgres://db.example:5432/app`. */
export function describeServer({ addresses, database = '' }: ServerUrl): string {
  return `postgres://${describeAddresses(addresses)}/${database}`;
}

/** Hosts and ports: `db.example:5432`. */
export function describeAddresses(addresses: readonly ServerAddress[]): string {
  return addresses
    .map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`)
    .join(',');
}

/** Reads `host-1:5432,host-2`. A host without a port gets the port at its position in `ports`, or else the first. */
function parseAddresses(hosts: string, ports: string, path: InputPath): ServerAddress[] {
  const defaults = ports.split(',');
  return hosts.split(',').map((text, index) => {
    const [, ipv6, name = '', port] =
      /^(?:\[([^\]]*)\]|([^:]*))(?::(\d*))?$/.exec(text.trim()) ?? [];
    const number = Number(port || (defaults[index] ?? defaults[0]));
    if (!(number >= 1 && number <= 65_535) || (ipv6 ?? name) === '') throw notValid(path);
    return { host: ipv6 ?? name, port: number };
  });
}

function decode(text: string, path: InputPath): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // No `cause`: Node's error contains the text.
    throw notValid(path);
  }
}

function notValid(path: InputPath): InvalidInputError {
  return new InvalidInputError(
    path,
    'is not a valid URL: it must be postgres://user:password@host:port/database, and characters such as # / ? @ and % in the password must be percent-encoded',
  );
}
