import { inspect } from 'node:util';
import { DrizzleQueryError } from 'drizzle-orm/errors';
import { expect, test } from 'vitest';
import { toLedgerError } from '../../src/driver-errors.ts';
import {
  createVectorRepository,
  DatabaseUnavailableError,
  DocumentNotFoundError,
  InvalidInputError,
  MigrationError,
  migrate,
  openDatabase,
  VectorLedgerError,
} from '../../src/index.ts';

test('every error is a VectorLedgerError and is named after its class', () => {
  const errors = [
    new InvalidInputError(['pages', 3, 'docId'], 'is wrong'),
    new DocumentNotFoundError(7, ['docId']),
    new MigrationError('failed', { tag: '0001_x' }),
    new DatabaseUnavailableError('gone'),
  ];
  for (const error of errors) {
    expect(error).toBeInstanceOf(VectorLedgerError);
    expect(error.name).toBe(error.constructor.name);
  }
  expect(errors[0]?.message).toBe('pages[3].docId: is wrong');
});

test('a server that does not answer is reported as unavailable, without the password', async () => {
  // Nothing listens on port 1.
  const { db, close } = await openDatabase('postgres://user:secret@127.0.0.1:1/none');
  const error: unknown = await createVectorRepository(db)
    .findByPage(1, 1)
    .catch((thrown: unknown) => thrown);
  await close();
  expect(error).toBeInstanceOf(DatabaseUnavailableError);
  expect(error).toMatchObject({ code: 'DATABASE_UNAVAILABLE', cause: { code: 'ECONNREFUSED' } });
  expect(JSON.stringify(error) + String(error)).not.toContain('secret');
});

test.each(['postgres://user:secret#x@localhost/db', 'postgres://user:secret%zz@localhost/db'])(
  'the error for an invalid URL does not contain its password: %s',
  async (url) => {
    for (const open of [() => openDatabase(url), () => migrate({ url })]) {
      const error: unknown = await open().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(InvalidInputError);
      expect(inspect(error, { showHidden: true })).not.toContain('secret');
    }
  },
);

test('an error with an unknown code is returned unchanged', () => {
  const own = Object.assign(new Error('own'), { code: 'E_APP' });
  expect(toLedgerError(own)).toBe(own);
});

test('a driver’s error without a code means that the database is unavailable', () => {
  const wrapped = new DrizzleQueryError('select $1', ['a bound value'], new Error('pool timeout'));
  expect(toLedgerError(wrapped)).toBeInstanceOf(DatabaseUnavailableError);
});

test.each([
  ['08006', 'DATABASE_UNAVAILABLE'],
  ['28P01', 'DATABASE_UNAVAILABLE'],
  ['3D000', 'DATABASE_UNAVAILABLE'],
  ['57P01', 'DATABASE_UNAVAILABLE'],
  ['53300', 'DATABASE_UNAVAILABLE'],
  ['57P02', 'DATABASE_UNAVAILABLE'],
  ['57P03', 'DATABASE_UNAVAILABLE'],
  ['53400', 'DATABASE_ERROR'],
  ['42P01', 'MIGRATION_FAILED'],
  ['40001', 'DATABASE_ERROR'],
  ['57014', 'DATABASE_ERROR'],
])('code %s becomes %s, with and without Drizzle’s wrapper', (sqlState, code) => {
  const bare = Object.assign(new Error('as the server says'), { code: sqlState });
  const wrapped = new DrizzleQueryError('select $1', ['a bound value'], bare);
  // Bun's own driver has one code for all errors of the server, and the SQLSTATE in `errno`.
  const bun = Object.assign(new Error('as the server says'), {
    code: 'ERR_POSTGRES_SERVER_ERROR',
    errno: sqlState,
  });
  for (const error of [bare, wrapped, bun]) {
    const mapped = toLedgerError(error);
    expect(mapped).toMatchObject({ code, cause: { code: sqlState } });
    expect(String(mapped)).not.toContain('a bound value');
  }
});

test.each([
  ...['ENETUNREACH', 'EHOSTUNREACH', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EPROTO'],
  ...['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'ESERVFAIL', 'EMFILE', 'ENOENT', 'EACCES'],
  ...['SELF_SIGNED_CERT_IN_CHAIN', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'CERT_HAS_EXPIRED'],
  ...['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'CERT_REVOKED'],
  ...['ERR_TLS_CERT_ALTNAME_INVALID', 'ERR_SSL_WRONG_VERSION_NUMBER', 'HOSTNAME_MISMATCH'],
  ...['ERR_SOCKET_CLOSED', 'ERR_STREAM_DESTROYED', 'ERR_POSTGRES_CONNECTION_CLOSED'],
  ...['CONNECT_TIMEOUT', 'CONNECTION_CLOSED', 'CONNECTION_DESTROYED', 'CONNECTION_ENDED'],
])('%s means that the database is unavailable', (code) => {
  const bare = Object.assign(new Error('as Node says'), { code, errno: -101 });
  for (const error of [bare, new DrizzleQueryError('select $1', ['a bound value'], bare)]) {
    expect(toLedgerError(error)).toMatchObject({ code: 'DATABASE_UNAVAILABLE', cause: { code } });
  }
});

test.each(['E_APP', 'ENOSPC', 'EBADF', 'ERR_INVALID_ARG_TYPE', 'UNSAFE_TRANSACTION'])(
  '%s is not a failure of the connection',
  (code) => {
    const own = Object.assign(new Error('own'), { code });
    expect(toLedgerError(own)).toBe(own);
  },
);
