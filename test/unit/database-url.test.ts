import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { describeTarget, parseDatabaseUrl } from '../../src/connect/database-url.ts';
import { InvalidInputError } from '../../src/index.ts';

beforeEach(() => vi.stubEnv('DATABASE_URL', ''));
afterEach(() => vi.unstubAllEnvs());

describe('a database URL', () => {
  test.each(['postgres://localhost/db', 'postgresql://user:pw@db:6543/x', 'POSTGRES://h/d'])(
    '%s means a server',
    (url) => {
      expect(parseDatabaseUrl(url)).toEqual({ kind: 'postgres', url });
    },
  );

  test.each([
    '.pglite',
    'ledger-2.data',
    './data/ledger',
    '../ledger',
    './odd=name@home',
    '/var/lib/ledger',
    'C:\\ledger',
    'C:/ledger',
    'memory://',
  ])('%s means an embedded database', (directory) => {
    expect(parseDatabaseUrl(directory)).toEqual({ kind: 'pglite', directory });
  });

  test.each([
    'mysql://root:secret@localhost/db',
    'jdbc:postgresql://root:secret@localhost/db',
    'postgres:/root:secret@localhost/db',
    '"postgres://root:secret@localhost/db"',
    ' postgres://root:secret@localhost/db',
    'localhost:5432/secret',
    'root:secret@localhost',
    'root:secret@localhost/db',
    'host=localhost password=secret',
    'Host=localhost;Password=secret',
    'Server=secret',
    'file:secret.db',
    'file:/secret.db',
    'http://secret',
    'https:secret',
    '$DATABASE_URL_secret',
    `\${DATABASE_URL_secret}`,
    '%DATABASE_URL_secret%',
    'undefined',
    'null',
    '[object Object]',
    './secret\n',
    'postgres://localhost/secret\r\n',
    'secret ',
    '//root:secret@localhost/db',
    '',
  ])('%o is rejected, and the error does not repeat it', (url) => {
    expect(() => parseDatabaseUrl(url)).toThrow(InvalidInputError);
    expect(() => parseDatabaseUrl(url)).not.toThrow(/secret/);
  });

  test('that is not a string is rejected', () => {
    expect(() => parseDatabaseUrl(null as unknown as string)).toThrow(InvalidInputError);
  });

  test('is required in production', () => {
    vi.stubEnv('NODE_ENV', 'production');
    expect(() => parseDatabaseUrl()).toThrow('url: is required if NODE_ENV is production');
    expect(parseDatabaseUrl('.pglite')).toEqual({ kind: 'pglite', directory: '.pglite' });
    vi.stubEnv('DATABASE_URL', 'postgres://localhost/db');
    expect(parseDatabaseUrl()).toMatchObject({ kind: 'postgres' });
  });

  test.each([
    ['postgres://user:secret@db.example/app?sslmode=require', 'postgres://db.example:5432/app'],
    ['postgres://user:se@cret@a,[::1]:7/app', 'postgres://a:5432,[::1]:7/app'],
    ['.pglite', 'PGlite in .pglite'],
  ])('%s is shown as %s', (url, shown) => {
    expect(describeTarget(parseDatabaseUrl(url))).toBe(shown);
  });

  test('defaults to DATABASE_URL, and without that to .pglite', () => {
    expect(parseDatabaseUrl()).toEqual({ kind: 'pglite', directory: '.pglite' });
    vi.stubEnv('DATABASE_URL', 'postgres://localhost/db');
    expect(parseDatabaseUrl()).toEqual({ kind: 'postgres', url: 'postgres://localhost/db' });
    vi.stubEnv('DATABASE_URL', 'elsewhere');
    expect(parseDatabaseUrl()).toEqual({ kind: 'pglite', directory: 'elsewhere' });
    expect(parseDatabaseUrl('here')).toEqual({ kind: 'pglite', directory: 'here' });
  });
});
