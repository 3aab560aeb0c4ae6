import { expect, test } from 'vitest';
import { batchesOf } from '../../src/batches.ts';

async function batchesFrom<T>(...args: Parameters<typeof batchesOf<T>>): Promise<T[][]> {
  const batches: T[][] = [];
  for await (const batch of batchesOf(...args)) batches.push(batch);
  return batches;
}

test('a batch ends at maxItems, and the last batch may be smaller', async () => {
  expect(await batchesFrom([1, 2, 3, 4, 5], { maxItems: 2 })).toEqual([[1, 2], [3, 4], [5]]);
  expect(await batchesFrom([1, 2, 3, 4], { maxItems: 2 })).toEqual([
    [1, 2],
    [3, 4],
  ]);
});

test('a batch ends with the item that reaches maxSize', async () => {
  const limits = { maxItems: 100, maxSize: 5, sizeOf: (word: string) => word.length };
  expect(await batchesFrom(['aa', 'bb', 'c', 'dd', 'long word', 'e'], limits)).toEqual([
    ['aa', 'bb', 'c'],
    ['dd', 'long word'],
    ['e'],
  ]);
});

test('the limit that is reached first ends the batch', async () => {
  const limits = { maxItems: 2, maxSize: 5, sizeOf: (size: number) => size };
  expect(await batchesFrom([1, 1, 5, 1, 4, 1], limits)).toEqual([[1, 1], [5], [1, 4], [1]]);
});

test('no items give no batches', async () => {
  expect(await batchesFrom([], { maxItems: 2 })).toEqual([]);
});

test('a full batch is yielded before the next item is read', async () => {
  let read = 0;
  async function* items() {
    for (;;) {
      read += 1;
      yield read;
    }
  }
  const batches = batchesOf(items(), { maxItems: 3 });
  expect(await batches.next()).toEqual({ done: false, value: [1, 2, 3] });
  expect(read).toBe(3);
  await batches.return(undefined);
});

test('ending early closes the source', async () => {
  let closed = false;
  function* items() {
    try {
      for (;;) yield 0;
    } finally {
      closed = true;
    }
  }
  for await (const _ of batchesOf(items(), { maxItems: 3 })) break;
  expect(closed).toBe(true);
});

test('an error of the source drops the unfinished batch', async () => {
  const failure = new Error('unreadable');
  async function* items() {
    yield* [1, 2, 3];
    throw failure;
  }
  const batches = batchesOf(items(), { maxItems: 2 });
  expect((await batches.next()).value).toEqual([1, 2]);
  await expect(batches.next()).rejects.toBe(failure);
});
