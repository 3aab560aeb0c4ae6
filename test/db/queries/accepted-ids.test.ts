import { sql } from 'drizzle-orm';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  auditVectors,
  createVectorRepository,
  purgeOrphans,
  vectorOrphans,
  vectors,
} from '../../../src/index.ts';
import { createDocument, emptyLedger, useTestDatabase } from '../../support/database.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { isDistributed } from '../../support/shapes.ts';

const db = useTestDatabase();
const repository = () => createVectorRepository(db());
let store: MemoryStore;

beforeEach(async () => {
  await emptyLedger(db());
  store = new MemoryStore();
});

describe('stored arrays', () => {
  const insert = (table: 'vectors' | 'vector_orphans', docId: number, ids: string) =>
    db().execute(
      table === 'vectors'
        ? sql`insert into vectors (doc_id, page, vector_ids) values (${docId}, 99, ${ids}::text::jsonb)`
        : sql`insert into vector_orphans (doc_id, page, vector_ids, vector_count) values (${docId}, 99, ${ids}::text::jsonb, 1)`,
    );
  const head = '0123456789abcdef0123456789abc';

  test.each(['vectors', 'vector_orphans'] as const)(
    'that the decoder cannot read are rejected by %s',
    async (table) => {
      const docId = await createDocument(db());
      for (const ids of [
        `[{"prefix":"${head}","from":"ff0","count":100,"radix":16}]`,
        `[{"prefix":"${head}","from":"ff0","count":17,"radix":16}]`,
        '[{"prefix":"a","from":"0","count":200000000}]',
        '[{"prefix":"a","from":"9990","count":11}]',
        '[{}]',
        '[1]',
        '[["a"]]',
        '{"prefix":"a","from":"0","count":3}',
        '"a"',
        'null',
        '[{"uuids":""}]',
        '[{"uuids":"AAAA"}]',
        '[{"uuids":"AAAAAAAAAAAAAAAAAAAAAA"}]',
        '[{"uuids":"AAAAAAAAAAAAAAAAAAAAAB=="}]',
        '[{"uuids":"AAAAAAAA AAAAAAAAAAAAAA=="}]',
        '[{"uuids":"!!!!AAAAAAAAAAAAAAAAAA=="}]',
        '[{"uuids":7}]',
        '[{"uuids":"AAAAAAAAAAAAAAAAAAAAAA==","dashes":true}]',
        '[{"uuids":"AAAAAAAAAAAAAAAAAAAAAA==","prefix":"a","from":"1","count":1}]',
        '[{"uuids":"AAAAAAAAAAAAAAAAAAAAAA==","dashes":[false]}]',
        '[{"uuids":"AAAAAAAAAAAAAAAAAAAAAA==","count":null}]',
        '[{"from":"000","count":3}]',
        '[{"prefix":"a","from":"0","count":3,"radix":[10]}]',
        `[{"prefix":"${head}","from":"ff0","count":100,"radix":[16]}]`,
      ]) {
        await expect(insert(table, docId, ids), ids).rejects.toMatchObject({
          cause: { code: '23514' },
        });
      }
      await insert(table, docId, `[{"prefix":"${head}","from":"ff0","count":16,"radix":16}]`);
      await db().delete(table === 'vectors' ? vectors : vectorOrphans);
    },
  );
});

describe('every id of a page is located and spared, and counted when the page is deleted:', () => {
  const upTo = (prefix: string, first: number, last: number) =>
    Array.from({ length: last - first + 1 }, (_, index) => `${prefix}${first + index}`);

  test.each([
    ['UUIDs between shorter and longer ids', upTo('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a', 9, 100)],
    ['UUIDs in upper case between others', upTo('A0EEBC999C0B4EF8BB6D6BB9BD380A', 9, 100)],
    [
      'the names of the fields of runs and packs',
      ['uuids', 'prefix', 'from', 'count', 'radix', 'dashes', 'a1', 'a2', 'a3'],
    ],
  ])('%s', async (_, vectorIds) => {
    const docId = await createDocument(db());
    await repository().upsertPage({ docId, page: 1, vectorIds });
    expect(await repository().locate(vectorIds)).toEqual(
      vectorIds.map((vectorId, patch) => ({ vectorId, docId, page: 1, patch })),
    );
    await db()
      .insert(vectorOrphans)
      .values({ docId: isDistributed ? docId : null, vectorIds, vectorCount: vectorIds.length });
    expect(await purgeOrphans(db(), store.deleteVectors)).toMatchObject({
      deleted: 0,
      spared: vectorIds.length,
    });
    await repository().deleteByPage(docId, 1);
    const queued = await db().select().from(vectorOrphans);
    expect(queued).toMatchObject([{ vectorIds, vectorCount: vectorIds.length }]);
  });
});

describe('UUIDs in mixed case', () => {
  const lower = 'a3f1c0de-1111-4222-8333-abcdefabcdef';
  const mixed = 'A3f1c0de-1111-4222-8333-abcdefABCDEF';

  test.each([
    ['one id', [mixed]],
    ['a list', [mixed, 'b', 'c']],
    ['a run', [0, 1, 2].map((tail) => `${mixed.slice(0, 32)}000${tail}`)],
    [
      'a run without dashes',
      [0, 1, 2].map((tail) => `${mixed.replaceAll('-', '').slice(0, 31)}${tail}`),
    ],
    ['a pack', [lower, lower.replace('a', 'b'), lower.replace('a', 'c')]],
    [
      'a pack without dashes',
      ['a', 'b', 'c'].map((first) => lower.replaceAll('-', '').replace('a', first)),
    ],
  ])('are located and spared in every spelling: %s', async (_, vectorIds) => {
    const docId = await createDocument(db());
    await repository().upsertPage({ docId, page: 1, vectorIds });
    expect(await repository().findByPage(docId, 1)).toMatchObject({ vectorIds });
    const id = vectorIds[0] as string;
    const plain = id.replaceAll('-', '');
    const groups = [
      plain.slice(0, 8),
      plain.slice(8, 12),
      plain.slice(12, 16),
      plain.slice(16, 20),
      plain.slice(20),
    ];
    const dashed = groups.join('-');
    for (const spelling of [plain, dashed].flatMap((text) => [
      text,
      text.toLowerCase(),
      text.toUpperCase(),
    ])) {
      expect(await repository().locate([spelling])).toEqual([
        { vectorId: spelling, docId, page: 1, patch: 0 },
      ]);
      await db()
        .insert(vectorOrphans)
        .values({ docId, page: 2, vectorIds: [spelling], vectorCount: 1 });
    }
    expect(await purgeOrphans(db(), store.deleteVectors)).toMatchObject({ deleted: 0 });
  });

  test('that the store lists are recognized as ids of a page, and are located', async () => {
    const docId = await createDocument(db());
    await repository().upsertPage({ docId, page: 1, vectorIds: [lower] });
    store.write([mixed]);
    expect(await auditVectors(db(), store, { queueUntracked: true })).toMatchObject({
      missing: { vectors: 1 }, // `existing` of this store compares letters
      untracked: { vectors: 0, queued: 0 },
    });
    expect(await repository().locate([mixed])).toMatchObject([{ docId, page: 1, patch: 0 }]);
  });

  test('that are queued are spared if a page has them in lower or upper case', async () => {
    const docId = await createDocument(db());
    await repository().upsertPage({ docId, page: 1, vectorIds: [lower.toUpperCase()] });
    await db()
      .insert(vectorOrphans)
      .values({ docId, page: 1, vectorIds: [mixed], vectorCount: 1 });
    expect(await purgeOrphans(db(), store.deleteVectors)).toMatchObject({ deleted: 0, spared: 1 });
  });
});
