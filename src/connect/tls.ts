import { readFileSync } from 'node:fs';
import { type ConnectionOptions, checkServerIdentity } from 'node:tls';
import { type InputPath, InvalidInputError } from '../errors.ts';
import { requireBoolean, requireObject } from '../require.ts';
import { invalidParameter } from './url-parameters.ts';

/** How to use TLS for the connection to a server. It replaces what the URL says about TLS. */
export interface SslOptions {
  /** Certificates in PEM format of the authorities to trust. {@defaultValue the authorities that Node trusts} */
  ca?: string | Uint8Array | (string | Uint8Array)[] | undefined;
  /** The client's certificate in PEM format. */
  cert?: string | Uint8Array | undefined;
  /** The private key of `cert` in PEM format. */
  key?: string | Uint8Array | undefined;
  /** Whether to reject a server whose certificate or name cannot be verified. {@defaultValue true} */
  rejectUnauthorized?: boolean | undefined;
  /** The name that the server's certificate must have. {@defaultValue the host of the URL} */
  servername?: string | undefined;
}

/** Whether and how to encrypt a connection. */
export interface Tls {
  /** `preferred` uses TLS if the server offers it. */
  use: 'never' | 'preferred' | 'required';
  /** Starts with TLS instead of asking the server first (PostgreSQL 17). */
  direct: boolean;
  options: ConnectionOptions;
}

const modes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'];

/** node-postgres uses this name for `require` without a root certificate. */
const modesOfOthers: Record<string, string> = { 'no-verify': 'require' };

/**
 * Decides how to encrypt connections: as `ssl` says, or else as the URL says.
 *
 * The values of `sslmode` mean the same as in libpq, including the default `prefer`, except that `allow` works like
 * `prefer`. Without `sslrootcert`, `verify-ca` and `verify-full` use the authorities that Node trusts.
 *
 * @param parameters - The parameters of the URL about TLS.
 * @param ssl - `true` means an encrypted connection to a verified server, `false` a connection without encryption.
 * @throws {InvalidInputError} A parameter is not valid, or its file cannot be read.
 */
export function readTls(
  parameters: ReadonlyMap<string, string>,
  ssl: SslOptions | boolean | undefined,
  path: InputPath,
): Tls {
  if (ssl !== undefined) return tlsOf(ssl);
  const given = parameters.get('sslmode') || 'prefer';
  const mode = modesOfOthers[given] ?? given;
  if (!modes.includes(mode)) {
    throw invalidParameter(path, 'sslmode', `must be one of ${modes.join(', ')}`);
  }
  if (mode === 'disable') return { use: 'never', direct: false, options: {} };

  const file = (name: string) => readParameterFile(parameters, name, path);
  const systemCa = parameters.get('sslrootcert') === 'system';
  const ca = systemCa ? undefined : file('sslrootcert');
  const [cert, key] = [file('sslcert'), file('sslkey')];
  if ((cert === undefined) !== (key === undefined)) {
    throw invalidParameter(path, 'sslcert', 'and the parameter sslkey must be given together');
  }
  const verifiesName = mode === 'verify-full' || systemCa;
  // As in libpq, `require` verifies the server only if there is a root certificate. Neon, Heroku and RDS rely on that.
  const verifies = verifiesName || mode === 'verify-ca' || (mode === 'require' && ca !== undefined);
  return {
    use: mode === 'allow' || mode === 'prefer' ? (systemCa ? 'required' : 'preferred') : 'required',
    direct: parameters.get('sslnegotiation') === 'direct',
    options: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      rejectUnauthorized: verifies,
      ...(verifiesName ? {} : { checkServerIdentity: () => undefined }),
    },
  };
}

function tlsOf(ssl: SslOptions | boolean): Tls {
  if (ssl === false) return { use: 'never', direct: false, options: {} };
  const given = ssl === true ? {} : ssl;
  const options = Object.entries(given).filter(([, value]) => value !== undefined);
  return { use: 'required', direct: false, options: Object.fromEntries(options) };
}

/** @throws {InvalidInputError} */
export function requireSsl(
  value: unknown,
  path: InputPath,
): asserts value is SslOptions | boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return;
  requireObject(value, path);
  const known = ['ca', 'cert', 'key', 'rejectUnauthorized', 'servername'];
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  // A misspelled name would leave the connection less secure than intended, or without the CA.
  if (unknown !== undefined) {
    throw new InvalidInputError(path, `must only have the properties ${known.join(', ')}`);
  }
  const { rejectUnauthorized } = value as SslOptions;
  if (rejectUnauthorized !== undefined) {
    requireBoolean(rejectUnauthorized, [...path, 'rejectUnauthorized']);
  }
}

/** Verifies a certificate against the name of the host that we connected to. */
export function identityChecker(host: string): ConnectionOptions['checkServerIdentity'] {
  // Node passes "localhost" instead of the host if that is an IP address.
  return (_, certificate) => checkServerIdentity(host, certificate);
}

function readParameterFile(
  parameters: ReadonlyMap<string, string>,
  name: string,
  path: InputPath,
): Buffer | undefined {
  const file = parameters.get(name);
  if (!file) return undefined;
  try {
    return readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw invalidParameter(path, name, `names the file ${file}, which cannot be read: ${code}`);
  }
}
