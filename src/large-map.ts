/** The most entries that a Map can have in V8. */
const maxEntries = 2 ** 24 - 1;

/** A map of any number of entries. A Map throws a RangeError beyond 16.7 million. */
export class LargeMap<Key, Value> {
  private readonly maps = [new Map<Key, Value>()];
  private readonly maxSize: number;

  constructor(maxSize: number = maxEntries) {
    this.maxSize = maxSize;
  }

  get(key: Key): Value | undefined {
    return this.maps.find((map) => map.has(key))?.get(key);
  }

  set(key: Key, value: Value): void {
    (this.maps.find((map) => map.has(key)) ?? this.withRoom()).set(key, value);
  }

  private withRoom(): Map<Key, Value> {
    const last = this.maps.at(-1) as Map<Key, Value>;
    if (last.size < this.maxSize) return last;
    const next = new Map<Key, Value>();
    this.maps.push(next);
    return next;
  }
}
