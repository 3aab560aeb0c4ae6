/** Every long call stops when its signal aborts, and rejects with the signal's reason. */
import { beforeEach, describe, expect, test } from 'vitest';
import {
  auditVectors,
  createVectorRepository,
  patchVectorIds,
  purgeOrphans,
  vectors,
} from '../../../src/index.ts';
import { createDocument, emptyLedger, useTestDatabase } from '../../support/database.ts';
import { ingestDocument } from '../../support/ingest.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const db = useTestDatabase();
const repository = () => createVectorRepository(db());
const reason = new Error('shutting down');
let stop: AbortController;

beforeEach(async () => {
  await emptyLedger(db());
  stop = new AbortController();
});

const page = { docId: 1, page: 1, vectorIds: ['a'] };
const store = new MemoryStore();
const read = async (stream: AsyncIterable<unknown>) => {
  for await (const _ of stream);
};

describe('a signal that has already aborted stops', () => {
  test.each<[string, (options: { signal: AbortSignal }) => Promise<unknown>]>([
    ['upsertPages of an array', (options) => repository().upsertPages([page], options)],
    ['upsertPages of no pages', (options) => repository().upsertPages([], options)],
    ['upsertPages of a stream', (options) => repository().upsertPages(new Set([page]), options)],
    ['upsertPages of an empty stream', (options) => repository().upsertPages([].values(), options)],
    ['replaceDocument', (options) => repository().replaceDocument(1, [page], options)],
    ['ingest', (options) => repository().ingest([page], async () => {}, options)],
    ['ingest of no pages', (options) => repository().ingest([], async () => {}, options)],
    ['streamPages', (options) => read(repository().streamPages(options))],
    ['locate', (options) => repository().locate(['a'], options)],
    ['purgeOrphans', (options) => purgeOrphans(db(), store.deleteVectors, options)],
    ['auditVectors', (options) => auditVectors(db(), store, options)],
  ])('%s', async (_, call) => {
    stop.abort(reason);
    await expect(call({ signal: stop.signal })).rejects.toBe(reason);
    expect(await db().$count(vectors)).toBe(0);
  });
});

test('streamPages stops before its next query', async () => {
  await ingestDocument(db(), store, [['a'], ['b'], ['c']]);
  const seen: number[] = [];
  const reading = async () => {
    const pages = repository().streamPages({ batchSize: 2, signal: stop.signal });
    for await (const { page: number } of pages) {
      seen.push(number);
      stop.abort(reason);
    }
  };
  await expect(reading()).rejects.toBe(reason);
  expect(seen).toEqual([1, 2]);
});

test('an audit passes its signal to the functions of the store, and stops between two calls of one page', async () => {
  const docId = await createDocument(db());
  const vectorIds = patchVectorIds({ docId, page: 1, count: 10 });
  await repository().upsertPage({ docId, page: 1, vectorIds });
  const signals: AbortSignal[] = [];
  const audited = {
    listIds: async function* () {
      yield [];
    },
    existing: async (ids: string[], { signal }: { signal: AbortSignal }) => {
      signals.push(signal);
      stop.abort(reason);
      return ids;
    },
  };
  const options = { signal: stop.signal, batchIds: 2 };
  await expect(auditVectors(db(), audited, options)).rejects.toBe(reason);
  expect(signals).toEqual([stop.signal]);
});
