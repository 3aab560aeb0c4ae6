/** A random integer from 0 to below `limit`. */
export function randomBelow(limit: number): number {
  return Math.floor(Math.random() * limit);
}

/** A random item of a non-empty array. */
export function randomItem<Item>(items: readonly Item[]): Item {
  return items[randomBelow(items.length)] as Item;
}
