import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rowsOf } from '../../src/db.ts';
import {
  createVectorRepository,
  DatabaseUnavailableError,
  InvalidInputError,
  migrate,
  migrationStatus,
  openDatabase,
  rollback,
  type SslOptions,
} from '../../src/index.ts';
import { type Certificates, makeCertificates, textOf } from '../support/certificates.ts';
import { type EmbeddedServer, startEmbeddedServer } from '../support/embedded-server.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { thrownBy } from '../support/thrown-by.ts';

/** A server whose certificate names "localhost" and comes from an authority that Node does not know. */
let server: EmbeddedServer;
let files: Certificates;
let ca: string;
const folder = useTemporaryFolder();

beforeAll(async () => {
  files = makeCertificates(folder());
  ca = textOf(files.ca);
  server = await startEmbeddedServer({
    tls: { ca, cert: textOf(files.serverCert), key: textOf(files.serverKey) },
  });
});
afterAll(() => server.stop());

/** The server's URL, by the name in its certificate. */
function url(parameters = '', host = 'localhost'): string {
  return `${server.url.replace('127.0.0.1', host)}?${parameters}`;
}

async function connect(
  at: string,
  ssl?: SslOptions | boolean,
): Promise<{ encrypted: boolean; client: string | null }> {
  const { db, close } = await openDatabase(at, { ssl });
  try {
    await createVectorRepository(db)
      .countPages(1)
      .catch((error: unknown) => {
        if (error instanceof DatabaseUnavailableError) throw error;
      });
    const [session] = rowsOf<{ encrypted: boolean; client: string | null }>(
      await db.execute(
        sql`select ssl as encrypted, client_dn as client from pg_stat_ssl where pid = pg_backend_pid()`,
      ),
    );
    if (session === undefined) throw new Error('no session');
    return session;
  } finally {
    await close();
  }
}

describe('a connection is encrypted', () => {
  test.each([
    ['by default, if the server offers TLS', '', true],
    ['with sslmode=prefer', 'sslmode=prefer', true],
    ['with sslmode=require, whatever the certificate', 'sslmode=require', true],
    ['with ssl=require', 'ssl=require', true],
    ['but not with sslmode=disable', 'sslmode=disable', false],
  ])('%s', async (_, parameters, encrypted) => {
    expect(await connect(url(parameters))).toMatchObject({ encrypted });
    expect(await connect(url(parameters, '127.0.0.1'))).toMatchObject({ encrypted });
  });

  test('with sslnegotiation=direct from PostgreSQL 17 on, and older servers are unavailable', async () => {
    const { db, close } = await openDatabase(server.url);
    const [found] = rowsOf<{ version: number }>(
      await db.execute(sql`select current_setting('server_version_num')::integer as version`),
    );
    await close();
    const direct = connect(url('sslmode=require&sslnegotiation=direct'));
    if ((found?.version ?? 0) >= 170_000) {
      expect(await direct).toMatchObject({ encrypted: true });
    } else {
      await expect(direct).rejects.toBeInstanceOf(DatabaseUnavailableError);
    }
  });

  test('if an authority is given that has signed the certificate', async () => {
    const encrypted = { encrypted: true };
    expect(await connect(url(`sslmode=verify-full&sslrootcert=${files.ca}`))).toMatchObject(
      encrypted,
    );
    expect(await connect(url(), { ca })).toMatchObject(encrypted);
    expect(await connect(url('sslmode=disable'), { ca: [ca] })).toMatchObject(encrypted);
    expect(await connect(url(), { rejectUnauthorized: false })).toMatchObject(encrypted);
    expect(await connect(url(), false)).toMatchObject({ encrypted: false });
  });

  test('to another name if only the authority is verified, or if the right name is given', async () => {
    const encrypted = { encrypted: true };
    const root = `sslrootcert=${files.ca}`;
    expect(await connect(url(`sslmode=verify-ca&${root}`, '127.0.0.1'))).toMatchObject(encrypted);
    expect(await connect(url(`sslmode=require&${root}`, '127.0.0.1'))).toMatchObject(encrypted);
    expect(await connect(url('', '127.0.0.1'), { ca, servername: 'localhost' })).toMatchObject(
      encrypted,
    );
  });

  test('with the certificate of a client', async () => {
    const { clientCert, clientKey } = files;
    const client = { encrypted: true, client: '/CN=app' };
    expect(await connect(url(`sslmode=require&sslcert=${clientCert}&sslkey=${clientKey}`))).toEqual(
      client,
    );
    expect(await connect(url(), { ca, cert: textOf(clientCert), key: textOf(clientKey) })).toEqual(
      client,
    );
  });
});

describe('the server is reported as unavailable', () => {
  test.each([
    [
      'with sslmode=verify-full and no authority',
      () => [url('sslmode=verify-full')],
      'SELF_SIGNED_CERT_IN_CHAIN',
    ],
    [
      'with sslmode=verify-ca and no authority',
      () => [url('sslmode=verify-ca')],
      'SELF_SIGNED_CERT_IN_CHAIN',
    ],
    ['with ssl=true in the URL', () => [url('ssl=true')], 'SELF_SIGNED_CERT_IN_CHAIN'],
    [
      'with ssl: true and an authority that Node does not know',
      () => [url(), true],
      'SELF_SIGNED_CERT_IN_CHAIN',
    ],
    [
      'under a name that is not in its certificate',
      () => [url(`sslmode=verify-full&sslrootcert=${files.ca}`, '127.0.0.1')],
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
    [
      'under a name that is not in its certificate, with the option',
      () => [url('', '127.0.0.1'), { ca }],
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
    [
      'with another servername',
      () => [url(), { ca, servername: 'db.example' }],
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
  ] as [string, () => [string, (SslOptions | boolean)?], string][])(
    '%s',
    async (_, target, code) => {
      const [at, ssl] = target();
      const expected = {
        name: 'DatabaseUnavailableError',
        cause: { code: expect.stringMatching(code) },
      };
      expect(await thrownBy(connect(at, ssl))).toMatchObject(expected);
      expect(await thrownBy(migrate({ url: at, ssl }))).toMatchObject(expected);
      expect(await thrownBy(rollback({ url: at, ssl }))).toMatchObject(expected);
      expect(await thrownBy(migrationStatus({ url: at, ssl }))).toMatchObject(expected);
    },
  );
});

test('migrate, migrationStatus and rollback take the certificate of a private authority', async () => {
  const options = { url: url('sslmode=verify-full'), ssl: { ca } };
  expect((await migrate(options)).applied.length).toBeGreaterThan(0);
  expect((await migrationStatus(options)).pending).toEqual([]);
  expect((await rollback({ ...options, all: true })).undone.length).toBeGreaterThan(0);
});

test('an ssl option that is not valid is rejected', async () => {
  for (const ssl of ['require', 1, null, { CA: ca }, { rejectUnauthorized: 'no' }]) {
    const options = { url: url(), ssl: ssl as never };
    for (const work of [
      () => openDatabase(url(), options),
      () => migrate(options),
      () => rollback(options),
      () => migrationStatus(options),
    ]) {
      const error = await thrownBy(work());
      expect(error).toBeInstanceOf(InvalidInputError);
      expect((error as InvalidInputError).path.slice(0, 2)).toEqual(['options', 'ssl']);
    }
  }
});
