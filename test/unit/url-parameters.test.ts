import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { parseServerUrl } from '../../src/connect/server-url.ts';
import { readTls } from '../../src/connect/tls.ts';
import { readUrlParameters } from '../../src/connect/url-parameters.ts';
import { InvalidInputError, migrate, openDatabase } from '../../src/index.ts';

beforeEach(() => {
  for (const name of ['PGHOST', 'PGPORT', 'PGSSLMODE', 'PGSSLROOTCERT']) vi.stubEnv(name, '');
});
afterEach(() => vi.unstubAllEnvs());

const parse = (url: string) => parseServerUrl(url, ['url']);
const read = (query: string) => readUrlParameters(new Map(new URLSearchParams(query)), ['url']);
const tls = (query: string) => readTls(read(query).ssl, undefined, ['url']);

describe('the parts of a URL', () => {
  test.each([
    ['postgres://h/d', [['h', 5432]], undefined, undefined, 'd'],
    ['postgres://u:p@h:6543/d', [['h', 6543]], 'u', 'p', 'd'],
    ['postgres://u:p%40s%2Fs@h/d%20e', [['h', 5432]], 'u', 'p@s/s', 'd e'],
    ['postgres://u:p@ss@h/d', [['h', 5432]], 'u', 'p@ss', 'd'],
    ['postgres://u:a:b@h', [['h', 5432]], 'u', 'a:b', undefined],
    [
      'postgres://a:1,b,c:3/d',
      [
        ['a', 1],
        ['b', 5432],
        ['c', 3],
      ],
      undefined,
      undefined,
      'd',
    ],
    [
      'postgres://[::1]:6543,[fe80::2]/d',
      [
        ['::1', 6543],
        ['fe80::2', 5432],
      ],
      undefined,
      undefined,
      'd',
    ],
    ['postgres://%2Fvar%2Frun/d', [['/var/run', 5432]], undefined, undefined, 'd'],
    ['postgres:///d?host=/tmp&port=99&user=u&password=p', [['/tmp', 99]], 'u', 'p', 'd'],
    [
      'postgres:///?host=a,b&port=1,2&dbname=d',
      [
        ['a', 1],
        ['b', 2],
      ],
      undefined,
      undefined,
      'd',
    ],
    ['postgres://', [['localhost', 5432]], undefined, undefined, undefined],
  ] as const)('%s', (url, addresses, user, password, database) => {
    expect(parse(url)).toEqual({
      addresses: addresses.map(([host, port]) => ({ host, port })),
      user,
      password,
      database,
      parameters: new Map(),
    });
  });

  test.each([
    'postgres://u:secret@h:port/db',
    'postgres://u:secret@ss@h:port/db',
    'postgres://u:secret/x@h/db',
    'postgres://u:12/secret@h/db',
    'postgres://u:12?secret@h/db',
    'postgres://u:12?secret=x@h/db',
    'postgres://u:secret#x@h/db',
    'postgres://u:secret%zz@h/db',
    'postgres://u:secret@h:0/db',
    'postgres://u:secret@h:65536/db',
    'postgres://u:secret@[::1/db',
    'postgres://u:secret@h/db\n',
    'postgres://u:secret@h/db?sslmode=secret',
    'postgres://u:secret@h/db?max=secret',
    'postgres://u:secret@h/db?prepare=secret',
    'postgres://u:secret@h/db?target_session_attrs=secret',
    'postgres://u:x@h/db?secret%20word=1',
  ])('%s is rejected, and no error contains its password', async (url) => {
    for (const open of [() => openDatabase(url), () => migrate({ url })]) {
      const error: unknown = await open().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(InvalidInputError);
      expect(inspect(error, { showHidden: true }).replaceAll(/^ +at .*$/gm, '')).not.toContain(
        'secret',
      );
    }
  });
});

describe('the parameters of a URL', () => {
  test.each([
    // Neon, Supabase, Prisma, Vercel, RDS
    'sslmode=require&channel_binding=require',
    'sslmode=require&options=endpoint%3Dep-1',
    'pgbouncer=true&connection_limit=1&supa=base-pooler.x',
    'schema=public&connection_limit=5&pool_timeout=20&connect_timeout=5&socket_timeout=9',
    'sslmode=no-verify&uselibpqcompat=true&statement_cache_size=0',
  ])('are accepted: %s', (query) => {
    const { settings } = read(query);
    const sent = Object.keys(settings).filter((name) => !['options', 'search_path'].includes(name));
    expect(sent).toEqual([]);
  });

  test('of Prisma become options of the driver', () => {
    expect(read('connection_limit=7&pgbouncer=true&schema=app&connect_timeout=5')).toMatchObject({
      driver: { max: 7, prepare: false },
      settings: { search_path: '"app"' },
      connectTimeout: 5,
    });
    expect(read('connection_limit=7&max=3&pgbouncer=true&prepare=true').driver).toEqual({
      max: 3,
      prepare: true,
    });
    expect(read('schema=a"b').settings).toEqual({ search_path: '"a""b"' });
    expect(read('schema=a&search_path=b,c').settings).toEqual({ search_path: 'b,c' });
  });

  test('schema=public is left out with pgbouncer=true, which refuses a search_path', () => {
    expect(read('schema=public&pgbouncer=true').settings).toEqual({});
    expect(read('schema=public').settings).toEqual({ search_path: '"public"' });
  });

  test('that are settings of the server are sent to it', () => {
    expect(
      read('application_name=a&statement_timeout=5s&options=-c%20a=b&TimeZone=UTC&app.tenant=7')
        .settings,
    ).toEqual({
      application_name: 'a',
      statement_timeout: '5s',
      options: '-c a=b',
      TimeZone: 'UTC',
      'app.tenant': '7',
    });
    expect(read('fallback_application_name=b').settings).toEqual({ application_name: 'b' });
  });

  test('that are unknown are rejected by name, without their value', () => {
    expect(() => read('sslmod=verify-full')).toThrow(/unknown parameter "sslmod"/);
    expect(() => read('sslmod=verify-full')).not.toThrow(/verify-full/);
  });
});

describe('sslmode', () => {
  test.each([
    ['', 'preferred', false],
    ['sslmode=disable', 'never', undefined],
    ['sslmode=allow', 'preferred', false],
    ['sslmode=prefer', 'preferred', false],
    ['sslmode=require', 'required', false],
    ['ssl=true', 'required', true],
    ['ssl=require', 'required', false],
    ['ssl=false', 'never', undefined],
    ['sslmode=no-verify', 'required', false],
    ['sslmode=verify-ca', 'required', true],
    ['sslmode=verify-full', 'required', true],
    ['sslrootcert=system', 'required', true],
  ])('%j: TLS is %s and the certificate is verified: %s', (query, use, verified) => {
    expect(tls(query)).toMatchObject({ use });
    expect(tls(query).options.rejectUnauthorized).toBe(verified);
  });

  test('require verifies if there is a root certificate, and only verify-full checks the name', () => {
    const file = new URL(import.meta.url).pathname;
    const checksName = (query: string) => tls(query).options.checkServerIdentity === undefined;
    expect(tls(`sslmode=require&sslrootcert=${file}`).options.rejectUnauthorized).toBe(true);
    expect(checksName(`sslmode=require&sslrootcert=${file}`)).toBe(false);
    expect(checksName('sslmode=verify-ca')).toBe(false);
    expect(checksName('sslmode=verify-full')).toBe(true);
    expect(checksName('sslrootcert=system')).toBe(true);
  });

  test('is read from PGSSLMODE if the URL has none', () => {
    vi.stubEnv('PGSSLMODE', 'verify-full');
    expect(tls('').options.rejectUnauthorized).toBe(true);
    expect(tls('sslmode=disable').use).toBe('never');
  });

  test.each(['sslrootcert', 'sslcert', 'sslkey'])(
    'a file of %s that cannot be read is named with its parameter',
    (name) => {
      expect(() => tls(`${name}=/no/such/file.pem`)).toThrow(
        `the parameter ${name} names the file /no/such/file.pem, which cannot be read: ENOENT`,
      );
    },
  );

  test('sslcert needs sslkey', () => {
    const file = new URL(import.meta.url).pathname;
    expect(() => tls(`sslcert=${file}`)).toThrow(
      'the parameter sslcert and the parameter sslkey must be given together',
    );
  });
});
