/** When a batch is full. */
export interface BatchLimits<T> {
  /** A batch has at most this many items. */
  maxItems: number;
  /** A batch also ends with the item that brings its total size to this value or above. {@defaultValue no limit} */
  maxSize?: number;
  /** The size of an item, in the unit of `maxSize`. {@defaultValue 0 for every item} */
  sizeOf?: (item: T) => number;
}

/**
 * Groups items into batches, in order.
 *
 * A full batch is yielded before the next item is read. If reading an item fails, the items of the unfinished
 * batch are lost.
 */
export async function* batchesOf<T>(
  items: Iterable<T> | AsyncIterable<T>,
  { maxItems, maxSize = Number.POSITIVE_INFINITY, sizeOf = () => 0 }: BatchLimits<T>,
): AsyncGenerator<T[]> {
  let batch: T[] = [];
  let size = 0;
  for await (const item of items) {
    batch.push(item);
    size += sizeOf(item);
    if (batch.length >= maxItems || size >= maxSize) {
      yield batch;
      batch = [];
      size = 0;
    }
  }
  if (batch.length > 0) yield batch;
}

/** Cuts an array into slices of `size` items. The last one may be shorter. */
export function* slicesOf<T>(items: readonly T[], size: number): Generator<T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
