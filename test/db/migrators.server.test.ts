import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createVectorRepository,
  type MigrateResult,
  MigrationError,
  migrate,
  migrationStatus,
  rollback,
} from '../../src/index.ts';
import { bundled } from '../support/bundled.ts';
import { execute, select, useEmptyDatabase } from '../support/database.ts';
import { urlWith } from '../support/database-url.ts';
import { loadLegacyDump, readLegacyRows } from '../support/legacy.ts';
import { until, waitingAdvisoryLocks, waitingLocks } from '../support/locks.ts';
import { readJournal, tags } from '../support/migrations.ts';
import { dumpSchema, schemaFile } from '../support/schema-dump.ts';
import { thrownBy } from '../support/thrown-by.ts';

/** Concurrent migrators, and migrators beside a service that uses the tables. */
const database = useEmptyDatabase();
const [createVectors] = tags as [string];

/** Two sessions of a service. */
let sessions: [postgres.Sql, postgres.Sql];

beforeEach(() => {
  const connect = () => postgres(database().url, { max: 1, onnotice: () => {} });
  sessions = [connect(), connect()];
});
afterEach(async () => {
  await Promise.all(sessions.map((session) => session.end({ timeout: 1 })));
});

const migratorWaitsForTable = `${waitingLocks} and relation = to_regclass('vectors') and mode = 'AccessExclusiveLock'`;

/** Expects that exactly one of these migrators applied the migrations. */
async function expectAppliedOnce(results: MigrateResult[]): Promise<void> {
  expect(results.flatMap(({ applied }) => applied)).toEqual(tags);
  expect(await readJournal(database().db)).toEqual(tags);
  await expect(await dumpSchema(database().db)).toMatchFileSnapshot(schemaFile);
}

/** Expects the ledger to have the pages of the dump `plain`. */
async function expectPlainPages(): Promise<void> {
  const rows = await select(
    database().db,
    'select id, doc_id, page, vector_ids from vectors order by id',
  );
  expect(rows).toEqual(
    readLegacyRows('plain').map(({ id, docId, page, vectorIds }) => ({
      id,
      doc_id: docId,
      page,
      vector_ids: JSON.parse(vectorIds),
    })),
  );
}

describe('twenty concurrent migrators', () => {
  test('migrate an empty database once', async () => {
    const results = await Promise.all(Array.from({ length: 20 }, () => migrate(database().target)));
    await expectAppliedOnce(results);
  });

  test('migrate a database that Alembic created once', async () => {
    await loadLegacyDump(database().db, 'plain');
    const results = await Promise.all(Array.from({ length: 20 }, () => migrate(database().target)));
    await expectAppliedOnce(results);
    await expectPlainPages();
  });
});

test('processes that migrate at the same time all succeed', async () => {
  await loadLegacyDump(database().db, 'plain');
  const results = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const args = [bundled('migrate-process'), database().url];
      const { stdout } = await promisify(execFile)(process.execPath, args);
      return JSON.parse(stdout) as MigrateResult;
    }),
  );
  await expectAppliedOnce(results);
  await expectPlainPages();
});

test('concurrent migrators and rollbacks leave only whole migrations, and every page', async () => {
  await loadLegacyDump(database().db, 'plain');
  await migrate(database().target);
  const steps = Array.from({ length: 6 }, () => [
    migrate(database().target),
    rollback({ ...database().target, to: createVectors }),
  ]);
  const results = await Promise.all(steps.flat());
  const applied = results.flatMap((result) => ('applied' in result ? result.applied : []));
  const undone = results.flatMap((result) => ('undone' in result ? result.undone : []));

  const { pending, ...status } = await migrationStatus(database().target);
  expect(status).toMatchObject({ skipped: [], unknown: 0 });
  expect(undone.length - applied.length).toBe(pending.length);
  await migrate(database().target);
  expect(await migrationStatus(database().target)).toMatchObject({ applied: tags, drift: [] });
  await expectPlainPages();
});

describe('a migrator', () => {
  test('waits for another migrator and then has nothing to do', async () => {
    await loadLegacyDump(database().db, 'plain');
    const [reader] = sessions;
    await reader.unsafe('begin; select count(*) from vectors');
    const first = migrate({ ...database().target, lockTimeoutMs: 50_000 });
    await until(database().db, migratorWaitsForTable);
    const second = migrate(database().target);
    await until(database().db, waitingAdvisoryLocks);
    expect(
      await select(database().db, "select to_regclass('vector_orphans')::text as found"),
    ).toEqual([{ found: null }]);
    await reader.unsafe('commit');
    expect((await first).applied).toEqual(tags);
    expect(await second).toEqual({ applied: [], warnings: [] });
  });

  test('waits for another migrator longer than the timeouts of its role', async () => {
    const role = `colpali_vectors_migrator_${randomBytes(4).toString('hex')}`;
    await execute(
      database().db,
      `create role ${role} superuser login password '${role}'`,
      `alter role ${role} set lock_timeout = '20ms'`,
    );
    try {
      const url = urlWith(database().url, { user: role });
      for (const settings of [{}, { statement_timeout: '1s' }]) {
        const [other] = sessions;
        await other`select pg_advisory_lock(4857043921337)`;
        const migrating = migrate({ url: urlWith(url, { settings }) });
        // If it fails early, the rejection must not count as unhandled before we await it.
        migrating.catch(() => {});
        const longest = 'statement_timeout' in settings ? '1100 ms' : '50 ms';
        await Promise.race([
          until(
            database().db,
            `${waitingAdvisoryLocks} and waitstart < clock_timestamp() - interval '${longest}'`,
          ),
          migrating,
        ]);
        await other`select pg_advisory_unlock(4857043921337)`;
        expect((await migrating).applied).toEqual(tags);
        await rollback({ ...database().target, all: true });
      }
    } finally {
      await execute(database().db, `drop owned by ${role} cascade`, `drop role ${role}`);
    }
  });

  test('gives up after lockTimeoutMs, and says which session it waited for', async () => {
    const other = postgres(database().url, {
      max: 1,
      onnotice: () => {},
      connection: { application_name: 'deploy "7"' },
    });
    const [{ pid } = { pid: 0 }] = await other`
      select pg_backend_pid() as pid, pg_advisory_lock(4857043921337)`;
    try {
      for (const options of [database().target, { db: database().db }]) {
        for (const run of [migrate, rollback]) {
          const error = await thrownBy(run({ ...options, lockTimeoutMs: 50 }));
          expect(error).toBeInstanceOf(MigrationError);
          expect(error).toMatchObject({
            message: expect.stringMatching(
              new RegExp(
                `^Another session is migrating this database and did not finish within 50 ms: process ${pid} ` +
                  String.raw`\("deploy \\"7\\""\), since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n`,
              ),
            ),
            hint: expect.stringContaining(`select pg_terminate_backend(${pid});`),
          });
        }
      }
    } finally {
      await other.end();
    }
    expect((await migrate(database().target)).applied).toEqual(tags);
  });

  test.each([
    ['for five seconds by default', {}, {}, '5s'],
    ['for lockTimeoutMs', {}, { lockTimeoutMs: 1234 }, '1234ms'],
    ['for the lock_timeout of its connection', { lock_timeout: '7777' }, {}, '7777ms'],
    [
      'for lockTimeoutMs rather than the lock_timeout of its connection',
      { lock_timeout: '7777' },
      { lockTimeoutMs: 1234 },
      '1234ms',
    ],
  ])('waits for a table %s, and so does a rollback', async (_, settings, options, expected) => {
    await execute(
      database().db,
      'create table timeouts (lock_timeout text, statement_timeout text)',
      `create function note_timeouts() returns event_trigger language plpgsql as $$
       begin
         insert into public.timeouts
         values (current_setting('lock_timeout'), current_setting('statement_timeout'));
       end $$`,
      'create event trigger note_timeouts on ddl_command_start execute function note_timeouts()',
    );
    const url = urlWith(database().url, { settings: { ...settings, statement_timeout: '99s' } });
    const noted = 'select distinct * from timeouts';
    await migrate({ url, ...options });
    const timeouts = [{ lock_timeout: expected, statement_timeout: '99s' }];
    // The list of migrations, which nobody else uses, is created before the migrations set a timeout.
    const ours = `${noted} where lock_timeout <> '0'`;
    expect(await select(database().db, ours)).toEqual(timeouts);
    await execute(database().db, 'delete from timeouts');
    await rollback({ url, ...options, all: true });
    expect(await select(database().db, noted)).toEqual(timeouts);
  });
});

describe('a migrator that waits for a table', () => {
  test('gives up after lockTimeoutMs, and the reads that waited behind it are answered', async () => {
    await loadLegacyDump(database().db, 'plain');
    const before = [
      await dumpSchema(database().db),
      await select(database().db, 'select * from vectors'),
    ];
    const [first, second] = sessions;
    await first.unsafe('begin; select count(*) from vectors');
    // Connects now rather than while the migrator waits.
    await second`select 1`;

    const failing = thrownBy(migrate({ ...database().target, lockTimeoutMs: 1500 }));
    await until(database().db, migratorWaitsForTable);
    const answer = second`select count(*)::integer as rows from vectors`.execute();
    await until(
      database().db,
      `${waitingLocks} and relation = to_regclass('vectors') and mode = 'AccessShareLock'`,
    );

    expect(await answer).toEqual([{ rows: readLegacyRows('plain').length }]);
    const error = await failing;
    expect(error).toBeInstanceOf(MigrationError);
    expect(error).toMatchObject({
      tag: '0001_jsonb_ledger',
      hint: expect.stringContaining('lock_timeout'),
      cause: { code: '55P03' },
    });
    expect(
      await select(
        database().db,
        "select from pg_stat_activity where state = 'idle in transaction' and datname = current_database()",
      ),
    ).toHaveLength(1);
    await first.unsafe('commit');

    expect([
      await dumpSchema(database().db),
      await select(database().db, 'select * from vectors'),
    ]).toEqual(before);
    expect(await migrationStatus(database().target)).toMatchObject({ applied: [], pending: tags });
    await expectAppliedOnce([await migrate(database().target)]);
  });

  test('converts the row that the blocking transaction commits', async () => {
    await loadLegacyDump(database().db, 'plain');
    const [writer] = sessions;
    await writer.unsafe(
      `begin; insert into vectors (doc_id, page, vector_ids) values (1, 900, 'late')`,
    );
    const migrating = migrate({ ...database().target, lockTimeoutMs: 50_000 });
    await until(database().db, `${waitingLocks} and relation = to_regclass('vectors')`);
    await writer.unsafe('commit');
    await expectAppliedOnce([await migrating]);
    expect(await createVectorRepository(database().db).findByPage(1, 900)).toMatchObject({
      vectorIds: ['late'],
    });
  });
});

test('a rollback gives up after lockTimeoutMs and changes nothing', async () => {
  await loadLegacyDump(database().db, 'plain');
  await migrate(database().target);
  const [reader] = sessions;
  await reader.unsafe('begin; select count(*) from vectors');
  const error = await thrownBy(rollback({ ...database().target, all: true, lockTimeoutMs: 100 }));
  expect(error).toBeInstanceOf(MigrationError);
  expect(error).toMatchObject({ hint: expect.stringContaining('lock_timeout'), tag: tags.at(-1) });
  await reader.unsafe('commit');
  expect(await migrationStatus(database().target)).toMatchObject({ applied: tags, drift: [] });
  await expectPlainPages();
});
