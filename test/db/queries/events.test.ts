import { beforeEach, describe, expect, test, vi } from 'vitest';
import {
  auditVectors,
  createVectorRepository,
  type LedgerEvent,
  purgeOrphans,
} from '../../../src/index.ts';
import { createDocument, emptyLedger, makeDue, useTestDatabase } from '../../support/database.ts';
import { ingestDocument } from '../../support/ingest.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { testUnlessDistributed } from '../../support/shapes.ts';
import { thrownBy } from '../../support/thrown-by.ts';

const db = useTestDatabase();
let store: MemoryStore;
let events: LedgerEvent[];
const onEvent = (event: LedgerEvent) => events.push(event);
const repository = () => createVectorRepository(db(), { onEvent });

beforeEach(async () => {
  await emptyLedger(db());
  store = new MemoryStore();
  events = [];
});

const durationMs = expect.any(Number);
const down = new Error('the store is down');
const refuse = async () => {
  throw down;
};

test('an ingest emits an event for each chunk', async () => {
  const docId = await createDocument(db());
  const pages = [1, 2, 3].map((page) => ({ docId, page, vectorIds: ['a', 'b'] }));
  await repository().ingest(pages, async () => {}, { chunkPages: 2 });
  expect(events).toEqual([
    { type: 'ingested', pages: 2, vectors: 4, durationMs },
    { type: 'ingested', pages: 1, vectors: 2, durationMs },
  ]);
});

test('an ingest that the store rejects emits the error and the documents', async () => {
  const docId = await createDocument(db());
  await thrownBy(repository().ingest([{ docId, page: 1, vectorIds: ['a'] }], refuse));
  expect(events).toEqual([
    { type: 'rejected', call: 'writeVectors', docIds: [docId], error: down, durationMs },
  ]);
});

test('a purge emits an event for each call of the store', async () => {
  const first = await ingestDocument(db(), store, [['a', 'b']]);
  const second = await ingestDocument(db(), store, [['c']]);
  await repository().deleteByDocument(first);
  await thrownBy(purgeOrphans(db(), refuse, { onEvent }));
  await makeDue(db());
  await repository().deleteByDocument(second);
  await purgeOrphans(db(), store.deleteVectors, { onEvent });
  const purged = { type: 'purged', namespace: null, spared: 0, repaired: 0, durationMs };
  expect(events).toEqual([
    { type: 'rejected', call: 'deleteVectors', docIds: [first], error: down, durationMs },
    { ...purged, docId: first, deleted: 2 },
    { ...purged, docId: second, deleted: 1 },
  ]);
});

testUnlessDistributed('an audit emits its counts', async () => {
  await ingestDocument(db(), store, [['a', 'b']]);
  store.ids.delete('a');
  store.write(['stray']);
  await auditVectors(db(), store, { onEvent, queueUntracked: true, maxUntrackedShare: 1 });
  expect(events).toEqual([
    {
      ...{ type: 'audited', pages: 1, vectors: 2, stored: 2 },
      ...{ missing: 1, untracked: 1, queued: 1, shared: 0, durationMs },
    },
  ]);
});

describe('an error of onEvent does not break the call, and becomes a warning', () => {
  test.each([
    [
      'thrown',
      () => {
        throw new Error('no metrics');
      },
    ],
    ['rejected', () => Promise.reject(new Error('no metrics'))],
  ])('%s', async (_, broken) => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const docId = await createDocument(db());
    const observed = createVectorRepository(db(), { onEvent: broken });
    const page = { docId, page: 1, vectorIds: ['a'] };
    expect(await observed.ingest([page], async () => {})).toBe(1);
    await repository().deleteByDocument(docId);
    const purged = await purgeOrphans(db(), store.deleteVectors, { onEvent: broken });
    expect(purged).toMatchObject({ deleted: 1, remaining: 0 });
    const warnings = warn.mock.calls.map(([message]) => message);
    warn.mockRestore();
    expect(warnings).toEqual([
      'onEvent failed on "ingested": no metrics',
      'onEvent failed on "purged": no metrics',
    ]);
  });
});
