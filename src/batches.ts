/** When a batch is full. */
export interface BatchLimits<T> {
  maxItems: number;
  /** A batch is also full when the sizes of its items reach this sum. {@defaultValue no limit} */
  maxSize?: number;
  sizeOf?: (item: T) => number;
}

/** Groups items into batches. Yields each batch as soon as it is full, and the rest at the end. */
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
