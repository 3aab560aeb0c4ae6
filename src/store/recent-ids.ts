/** How many ids are remembered, in each of two sets. */
const idsPerSet = 100_000;

/** Remembers the last 100,000 to 200,000 ids, so that memory use does not grow with the store. */
export class RecentIds {
  private current = new Set<string>();
  private previous = new Set<string>();

  /** Returns whether the id is new. */
  add(id: string): boolean {
    if (this.current.has(id) || this.previous.has(id)) return false;
    this.current.add(id);
    if (this.current.size === idsPerSet) {
      this.previous = this.current;
      this.current = new Set();
    }
    return true;
  }
}
